//! A door of files, as banks of the older kind have it: a message is put into one directory, its
//! report appears in another.
//!
//! Nothing in a directory says "no such message", so silence there is never proof.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::evidence::is_word;
use crate::transport::{Lost, Reply, Request, Transport};

const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub to_bank: PathBuf,
    pub from_bank: PathBuf,
    /// How long an order waits for its report; an inquiry looks once.
    pub patience: Duration,
    pub largest: u64,
}

#[async_trait]
impl Transport for Files {
    async fn send(&self, request: Request) -> Result<Reply, Lost> {
        let segments = request.url.path_segments();
        let name = segments.and_then(|mut all| all.next_back()).unwrap_or("");
        if !is_word(name, 64) {
            return Err(Lost::NotSent);
        }
        let file = format!("{name}.xml");
        if request.method == Method::PUT {
            self.put(&file, &request.body).await?;
            let report = self.report_in_time(&file);
            let report = tokio::time::timeout(self.patience, report).await;
            return report.unwrap_or(Err(Lost::Unanswered("no report came in time")));
        }
        match self.report(&file).await? {
            Some(reply) => Ok(reply),
            None => Err(Lost::Unanswered("there is no report yet")),
        }
    }
}

impl Files {
    /// Whole or not at all: the bank must never see half a message. The same message again takes
    /// the place of the first, which is the same to the byte.
    async fn put(&self, file: &str, message: &[u8]) -> Result<(), Lost> {
        let unseen = self.to_bank.join(format!(".{file}"));
        let written = write_down(&unseen, message).await;
        written.map_err(|_| Lost::NotSent)?;
        // From here on it may be there, whatever the file system says.
        let uncertain = |_| Lost::Unanswered("the message may not have been put down");
        let seen = self.to_bank.join(file);
        fs::rename(&unseen, &seen).await.map_err(uncertain)?;
        let directory = fs::File::open(&self.to_bank).await.map_err(uncertain)?;
        directory.sync_all().await.map_err(uncertain)
    }

    async fn report_in_time(&self, file: &str) -> Result<Reply, Lost> {
        loop {
            if let Some(reply) = self.report(file).await? {
                return Ok(reply);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn report(&self, file: &str) -> Result<Option<Reply>, Lost> {
        let path = self.from_bank.join(file);
        let unread = |_| Lost::Unanswered("the report could not be read");
        match fs::metadata(&path).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unread(error)),
            Ok(about) if about.len() > self.largest => {
                Err(Lost::Unanswered("the report was longer than allowed"))
            }
            Ok(_) => Ok(Some(Reply {
                status: 200,
                retry_after: None,
                body: fs::read(&path).await.map_err(unread)?,
            })),
        }
    }
}

async fn write_down(path: &Path, message: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path).await?;
    file.write_all(message).await?;
    file.sync_all().await
}
