//! TestService: how a client over TCP holds time and lets it go. Only an engine for tests has it.

use temporalio_protos::temporal::api::testservice::v1::{
    GetCurrentTimeResponse, LockTimeSkippingResponse, SleepRequest, SleepResponse,
    SleepUntilRequest, UnlockTimeSkippingResponse,
};
use tonic::Status;

use crate::core::time::{from_proto, positive, to_proto};
use crate::runs::Host;

pub(crate) fn lock(host: &Host) -> LockTimeSkippingResponse {
    host.stillness.lock();
    LockTimeSkippingResponse {}
}

pub(crate) fn unlock(host: &Host) -> Result<UnlockTimeSkippingResponse, Status> {
    if host.stillness.unlock() {
        return Ok(UnlockTimeSkippingResponse {});
    }
    Err(Status::failed_precondition(
        "time skipping is not locked; every unlock needs a lock before it",
    ))
}

pub(crate) async fn sleep(host: &Host, request: SleepRequest) -> SleepResponse {
    let duration = positive(request.duration.as_ref()).unwrap_or_default();
    host.sleep_until(host.now().after(duration)).await;
    SleepResponse {}
}

pub(crate) async fn sleep_until(host: &Host, request: SleepUntilRequest) -> SleepResponse {
    host.sleep_until(from_proto(request.timestamp.as_ref()))
        .await;
    SleepResponse {}
}

pub(crate) async fn unlock_and_sleep(
    host: &Host,
    request: SleepRequest,
) -> Result<SleepResponse, Status> {
    unlock(host)?;
    let again = Again(host);
    let slept = sleep(host, request).await;
    drop(again);
    Ok(slept)
}

pub(crate) fn now(host: &Host) -> GetCurrentTimeResponse {
    GetCurrentTimeResponse {
        time: Some(to_proto(host.now())),
    }
}

/// Locks again also when the caller stops waiting.
struct Again<'h>(&'h Host);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        self.0.stillness.lock();
    }
}
