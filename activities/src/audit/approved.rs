//! Whether a person may have this done. Reads only.

use temporalio_sdk::activities::ActivityError;
use workflows::activities::{Approval, Asked};

use super::{Audit, code_of};
use crate::failure;

pub(super) async fn approved(audit: &Audit, asked: Asked) -> Result<Approval, ActivityError> {
    let found = audit
        .audit
        .approved(
            &asked.tenant,
            asked.transfer,
            asked.action,
            &asked.used_by(),
        )
        .await
        .map_err(failure::try_again)?;
    Ok(match found {
        Ok(stored) => Approval::Given {
            action: stored.action,
        },
        Err(why) => Approval::Missing {
            code: code_of(why).to_owned(),
            why: why.to_string(),
        },
    })
}
