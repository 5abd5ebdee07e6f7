//! Compression over TCP: a request that came compressed, and a large answer to who takes it.

use bytes::Bytes;
use prost::Message;
use temporalio_client::tonic::client::Grpc;
use temporalio_client::tonic::codec::CompressionEncoding::Gzip;
use temporalio_client::tonic::transport::{Channel, Endpoint};
use temporalio_client::tonic::{Request, Response};
use temporalio_common::protos::temporal::api::common::v1::{
    Payload, Payloads, WorkflowExecution, WorkflowType,
};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
    StartWorkflowExecutionRequest,
};
use tokio::net::TcpListener;

use crate::stage::{QUEUE, Stage};
use crate::wire::{Raw, WORKFLOW};

async fn asked(mut grpc: Grpc<Channel>, rpc: &str, request: &impl Message) -> Response<Bytes> {
    grpc.ready().await.unwrap();
    let path = format!("/{WORKFLOW}/{rpc}").parse().unwrap();
    let request = Request::new(Bytes::from(request.encode_to_vec()));
    grpc.unary(request, path, Raw).await.unwrap()
}

#[tokio::test]
async fn compressed_or_not_the_same_is_said() {
    let stage = Stage::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let plain = || Grpc::new(endpoint.connect_lazy());
    let input = vec![7; 200_000];
    let telling = async {
        let start = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: "w".to_owned(),
            workflow_type: Some(WorkflowType {
                name: "flow".to_owned(),
            }),
            task_queue: Some(TaskQueue {
                name: QUEUE.to_owned(),
                ..Default::default()
            }),
            input: Some(Payloads {
                payloads: vec![Payload {
                    data: input.clone(),
                    ..Default::default()
                }],
            }),
            request_id: "r".to_owned(),
            ..Default::default()
        };
        let packed = plain().send_compressed(Gzip).accept_compressed(Gzip);
        let small = asked(packed, "StartWorkflowExecution", &start).await;
        assert!(!small.into_inner().is_empty());
        let look = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: Some(WorkflowExecution {
                workflow_id: "w".to_owned(),
                run_id: String::new(),
            }),
            ..Default::default()
        };
        for (grpc, encoding) in [
            (plain(), None),
            (plain().accept_compressed(Gzip), Some("gzip")),
            (
                plain().send_compressed(Gzip).accept_compressed(Gzip),
                Some("gzip"),
            ),
        ] {
            let answer = asked(grpc, "GetWorkflowExecutionHistory", &look).await;
            let said = answer.metadata().get("grpc-encoding");
            assert_eq!(said.map(|it| it.to_str().unwrap()), encoding);
            let proto = answer.into_inner();
            assert!(proto.len() > input.len());
            let told = GetWorkflowExecutionHistoryResponse::decode(proto).unwrap();
            assert_eq!(told.history.unwrap().events.len(), 2);
        }
    };
    tokio::select! {
        served = stage.engine.serve(listener, std::future::pending()) => served.unwrap(),
        () = telling => {}
    }
}
