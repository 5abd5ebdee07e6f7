//! The embedded workflow engine and its gRPC door.

use std::sync::Arc;

use ::engine::{Config, Engine, OpenError};
use domain::Code;
use tokio::net::TcpListener;

use super::House;
use crate::failure::Failure;
use crate::settings::DEFAULT_NAMESPACE;

pub(crate) async fn raise(
    house: &mut House,
    listener: TcpListener,
) -> Result<Arc<Engine>, Failure> {
    let mut namespaces = vec![DEFAULT_NAMESPACE.to_owned()];
    let namespace = house.namespace();
    if namespace != DEFAULT_NAMESPACE {
        namespaces.push(namespace.clone());
    }
    let config = Config {
        path: house.dir.file("engine.db"),
        clock: house.clock.clone(),
        namespaces,
    };
    let engine = Arc::new(Engine::open(config).await.map_err(cannot_open)?);
    if let Ok(address) = listener.local_addr() {
        house.places.engine = Some(format!(
            "{address}, namespace {namespace}  (Temporal's gRPC API)"
        ));
    }

    let (serving, stop) = (Arc::clone(&engine), house.supervisor.stop());
    let protection = house.settings.engine_protection.clone();
    house.supervisor.spawn(async move {
        serving
            .serve_with(protection, listener, stop.cancelled_owned())
            .await
            .map_err(|error| {
                Failure::caused(Code::Internal, "the engine's door closed by itself", &error)
            })
    });
    let (watched, stop) = (Arc::clone(&engine), house.supervisor.stop());
    house.supervisor.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            error = watched.fatal() => Err(Failure::caused(
                Code::StorageUnavailable,
                "the engine could not make its records durable and must be reopened; start the \
                 program again, and check the disk",
                &error,
            )),
        }
    });
    Ok(engine)
}

fn cannot_open(error: OpenError) -> Failure {
    let code = match &error {
        OpenError::Locked(_) => Code::DataDirLocked,
        OpenError::Newer { .. } => Code::DataDirNewer,
        OpenError::Corrupt { .. } => Code::DataDirDamaged,
        _ => Code::DataDirUnusable,
    };
    Failure::caused(code, "the engine's store cannot be opened", &error)
}
