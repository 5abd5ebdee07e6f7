//! The protected door: TLS, certificates of clients, keys, and what a key may reach. Over real TCP.

use std::net::SocketAddr;

use engine::{ApiKeys, Engine, ServeOptions, Tls};
use temporalio_client::tonic::Code;
use temporalio_client::{
    Client, ClientOptions, ClientTlsOptions, Connection, ConnectionOptions, TlsOptions,
    WorkflowStartOptions,
};
use temporalio_common::protos::temporal::api::command::v1::{
    Command, SignalExternalWorkflowExecutionCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
    command::Attributes,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::execute_multi_operation_request::{
    Operation, operation::Operation as Part,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::*;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::raw::{NAMESPACE, queue, start};
use crate::stage::{QUEUE, Stage, work};
use crate::wire::{WORKFLOW, Wire};
use crate::workflows::{Acts, Three};

pub(crate) const FULL: &str = "full-key-for-everything-0001";
pub(crate) const READER: &str = "reader-key-of-default-00002";
pub(crate) const WORKER: &str = "worker-key-of-default-00003";
pub(crate) const OTHER: &str = "worker-key-of-another-00004";

pub(crate) fn keys() -> ApiKeys {
    let text = format!(
        "read-write * {FULL}\nread-only default {READER}\nread-write default {WORKER}\n\
         read-write another {OTHER}\n"
    );
    ApiKeys::parse(&text).unwrap()
}

fn tls() -> Tls {
    let authority = include_bytes!("certificates/authority.pem");
    Tls::new(
        include_bytes!("certificates/server.pem"),
        include_bytes!("certificates/server.key.pem"),
    )
    .and_then(|tls| tls.clients_of(authority))
    .unwrap()
}

/// Serves while the story is told.
pub(crate) async fn serving<T>(
    engine: &Engine,
    options: ServeOptions,
    on: &str,
    story: impl AsyncFnOnce(SocketAddr) -> T,
) -> T {
    let listener = TcpListener::bind(on).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = engine.serve_with(options, listener, async {
        let _ = stopped.await;
    });
    let told = async {
        let told = story(SocketAddr::from(([127, 0, 0, 1], port))).await;
        drop(stop);
        told
    };
    let (served, told) = tokio::join!(served, told);
    served.unwrap();
    told
}

struct Caller {
    key: Option<&'static str>,
    certificate: Option<(&'static [u8], &'static [u8])>,
}

const CLIENT: (&[u8], &[u8]) = (
    include_bytes!("certificates/client.pem"),
    include_bytes!("certificates/client.key.pem"),
);
const STRANGER: (&[u8], &[u8]) = (
    include_bytes!("certificates/stranger.pem"),
    include_bytes!("certificates/stranger.key.pem"),
);

async fn connect(address: SocketAddr, caller: Caller) -> Result<Client, String> {
    let client = caller.certificate.map(|(certificate, key)| {
        ClientTlsOptions::builder()
            .client_cert(certificate.to_vec())
            .client_private_key(key.to_vec())
            .build()
    });
    let tls = TlsOptions::builder()
        .server_root_ca_cert(include_bytes!("certificates/authority.pem").to_vec())
        .domain("localhost".to_owned())
        .maybe_client_tls_options(client)
        .build();
    let target = format!("https://{address}").parse::<url::Url>().unwrap();
    let options = ConnectionOptions::new(target)
        .identity("stage".to_owned())
        .tls_options(tls)
        .maybe_api_key(caller.key.map(str::to_owned))
        .dns_load_balancing(None)
        .build();
    let connection = Connection::connect(options)
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(Client::new(connection, ClientOptions::new("default").build()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_and_a_client_with_certificates_and_keys_and_nobody_else() {
    let stage = Stage::new().await;
    let options = ServeOptions::default().tls(tls()).keys(keys());
    // On every interface: with both it may.
    serving(&stage.engine, options, "0.0.0.0:0", async |address| {
        let good = || Caller {
            key: Some(WORKER),
            certificate: Some(CLIENT),
        };
        let worker = work(connect(address, good()).await.unwrap(), Acts::default());
        let client = connect(address, good()).await.unwrap();
        let options = WorkflowStartOptions::new(QUEUE, "w").build();
        let handle = client
            .start_workflow(Three::run, "t".to_owned(), options)
            .await
            .unwrap();
        let result = handle.get_result(Default::default()).await.unwrap();
        assert_eq!(result, "settle t done");
        tokio::task::spawn_blocking(|| worker.stop()).await.unwrap();

        let wrong_key = Caller {
            key: Some("no-such-key-0000000000"),
            ..good()
        };
        let refused = connect(address, wrong_key).await.err().unwrap();
        assert!(refused.contains("this engine asks for a key"), "{refused}");
        let no_key = Caller {
            key: None,
            ..good()
        };
        assert!(connect(address, no_key).await.is_err());
        for certificate in [None, Some(STRANGER)] {
            let stranger = Caller {
                certificate,
                ..good()
            };
            let refused = connect(address, stranger).await.err().unwrap();
            assert!(!refused.contains("asks for a key"), "{refused}");
        }
        // Without TLS nothing is understood.
        let plain = Wire::to(address, Some(FULL)).await;
        let answer = plain.raw(WORKFLOW, "GetSystemInfo", Vec::new()).await;
        assert!(answer.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[allow(deprecated)] // Workers still may name another namespace in their commands.
async fn a_key_of_one_namespace_reaches_no_other() {
    let stage = Stage::new().await;
    let options = ServeOptions::default().keys(keys());
    serving(&stage.engine, options, "127.0.0.1:0", async |address| {
        let full = Wire::to(address, Some(FULL)).await;
        let other = Wire::to(address, Some(OTHER)).await;
        let register = RegisterNamespaceRequest {
            namespace: "another".to_owned(),
            ..Default::default()
        };
        let _: RegisterNamespaceResponse = full.ask("RegisterNamespace", &register).await.unwrap();

        let list = ListNamespacesRequest::default();
        let all: ListNamespacesResponse = full.ask("ListNamespaces", &list).await.unwrap();
        let seen: ListNamespacesResponse = other.ask("ListNamespaces", &list).await.unwrap();
        assert_eq!(names(&all), ["another", "default"]);
        assert_eq!(names(&seen), ["another"]);
        for info in all
            .namespaces
            .iter()
            .filter_map(|it| it.namespace_info.as_ref())
        {
            let by_id = DescribeNamespaceRequest {
                id: info.id.clone(),
                ..Default::default()
            };
            let answer: Result<DescribeNamespaceResponse, _> =
                other.ask("DescribeNamespace", &by_id).await;
            assert_eq!(answer.is_ok(), info.name == "another");
        }

        // A task of the one, answered in the name of the other.
        let _: StartWorkflowExecutionResponse = full
            .ask("StartWorkflowExecution", &start("w"))
            .await
            .unwrap();
        let poll = PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: queue(),
            ..Default::default()
        };
        let task: PollWorkflowTaskQueueResponse =
            full.ask("PollWorkflowTaskQueue", &poll).await.unwrap();
        for (namespace, code) in [
            (NAMESPACE, Code::PermissionDenied),
            ("", Code::PermissionDenied),
            ("another", Code::InvalidArgument),
        ] {
            let stolen = RespondWorkflowTaskCompletedRequest {
                namespace: namespace.to_owned(),
                task_token: task.task_token.clone(),
                ..Default::default()
            };
            let answer: Result<RespondWorkflowTaskCompletedResponse, _> =
                other.ask("RespondWorkflowTaskCompleted", &stolen).await;
            assert_eq!(answer.unwrap_err().code(), code);
        }

        // Decisions that reach into the other.
        let child = StartChildWorkflowExecutionCommandAttributes {
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        };
        let signal = SignalExternalWorkflowExecutionCommandAttributes {
            namespace: NAMESPACE.to_owned(),
            ..Default::default()
        };
        for reach in [Attributes::from(child), Attributes::from(signal)] {
            let decision = RespondWorkflowTaskCompletedRequest {
                namespace: "another".to_owned(),
                commands: vec![Command {
                    attributes: Some(reach),
                    ..Default::default()
                }],
                ..Default::default()
            };
            let answer: Result<RespondWorkflowTaskCompletedResponse, _> =
                other.ask("RespondWorkflowTaskCompleted", &decision).await;
            assert_eq!(answer.unwrap_err().code(), Code::PermissionDenied);
        }

        // A part of a request that names the other.
        let hidden = ExecuteMultiOperationRequest {
            namespace: "another".to_owned(),
            operations: vec![Operation {
                operation: Some(Part::StartWorkflow(start("hidden"))),
            }],
            ..Default::default()
        };
        let answer: Result<ExecuteMultiOperationResponse, _> =
            other.ask("ExecuteMultiOperation", &hidden).await;
        assert_eq!(answer.unwrap_err().code(), Code::InvalidArgument);
    })
    .await;
}

fn names(answer: &ListNamespacesResponse) -> Vec<&str> {
    let infos = answer
        .namespaces
        .iter()
        .filter_map(|it| it.namespace_info.as_ref());
    let mut names: Vec<&str> = infos.map(|info| info.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_by_name() {
    let stage = Stage::new().await;
    serving(
        &stage.engine,
        ServeOptions::default(),
        "127.0.0.1:0",
        async |address| {
            let wire = Wire::to(address, None).await;
            let code = async |service, rpc, proto| {
                let status = wire.raw(service, rpc, proto).await.unwrap_err();
                (status.code(), status.message().to_owned())
            };
            let garbage = vec![0xFF; 7];
            let (refused, _) = code(WORKFLOW, "StartWorkflowExecution", garbage.clone()).await;
            assert_eq!(refused, Code::InvalidArgument);
            let (refused, _) = code(WORKFLOW, "ExecuteMultiOperation", garbage).await;
            assert_eq!(refused, Code::InvalidArgument);
            let huge = vec![0; 17 * 1024 * 1024];
            let (refused, says) = code(WORKFLOW, "StartWorkflowExecution", huge).await;
            assert_eq!(refused, Code::ResourceExhausted);
            // The words by which an SDK knows not to try again.
            assert!(
                says.starts_with("grpc: received message larger than max"),
                "{says}"
            );
            let (refused, says) = code(WORKFLOW, "MakeCoffee", Vec::new()).await;
            assert_eq!(refused, Code::Unimplemented);
            assert!(says.contains("MakeCoffee"));
            let (refused, _) = code("coffee.v1.Machine", "Make", Vec::new()).await;
            assert_eq!(refused, Code::Unimplemented);
        },
    )
    .await;
}
