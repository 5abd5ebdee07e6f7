//! The bank's door of files: messages in one directory, reports in another.

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use tokio::fs;

use crate::bank::Bank;
use crate::in_process::InProcess;

const PATIENCE: Duration = Duration::from_secs(60);
const LARGEST: usize = 16 << 20;

impl Bank {
    /// Takes every message that lies in `inbox` and puts its report into `outbox`; how many it
    /// took. A bad day of the bank is a report that never comes, or one that makes no sense.
    pub async fn sweep_files(&self, inbox: &Path, outbox: &Path) -> io::Result<usize> {
        let door = InProcess::new(self.router(), self.clock().clone());
        let mut taken = 0;
        let mut files = fs::read_dir(inbox).await?;
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".xml").filter(|id| !id.starts_with('.')) else {
                continue;
            };
            let body = Body::from(fs::read(file.path()).await?);
            let request = Request::put(format!("/iso20022/messages/{id}")).body(body);
            let request = request.map_err(io::Error::other)?;
            if let Ok(heard) = door.call(request, PATIENCE, LARGEST).await
                && heard.status.is_success()
            {
                let unseen = outbox.join(format!(".{name}"));
                fs::write(&unseen, &heard.body).await?;
                fs::rename(&unseen, outbox.join(&name)).await?;
            }
            fs::remove_file(file.path()).await?;
            taken += 1;
        }
        Ok(taken)
    }
}
