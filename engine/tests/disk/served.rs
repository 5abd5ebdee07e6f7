//! An engine that serves TCP in a process of its own, on whatever disk it is started, and what
//! clients and workers ask of it.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::{Config, Engine};
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::command::v1::{
    Command as Decision, CompleteWorkflowExecutionCommandAttributes,
};
use temporalio_protos::temporal::api::common::v1::{
    Payload, Payloads, WorkflowExecution, WorkflowType,
};
use temporalio_protos::temporal::api::enums::v1::CommandType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::workflow_service_client::WorkflowServiceClient;
use temporalio_protos::temporal::api::workflowservice::v1::*;
use testkit::{Process, Stream};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::transport::Channel;

pub(crate) const STORE: &str = "ENGINE_TEST_DISK_STORE";
pub(crate) const BOUND: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "default";

/// The process itself: it ends by itself when its store fails, as every user of the engine is to.
pub(crate) fn be(store: &Path) -> ExitCode {
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.block_on(async {
        let engine = match Engine::open(Config::at(store)).await {
            Ok(engine) => engine,
            Err(error) => {
                eprintln!("NOT OPENED {error}");
                return ExitCode::from(4);
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("LISTENING {}", listener.local_addr().unwrap());
        tokio::select! {
            served = engine.serve(listener, std::future::pending()) => served.unwrap(),
            failed = engine.fatal() => {
                eprintln!("FAILED {failed}");
                return ExitCode::from(3);
            }
        }
        ExitCode::SUCCESS
    })
}

#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) process: Process,
    client: WorkflowServiceClient<Channel>,
}

impl Served {
    /// This very program, as an engine on the store.
    pub(crate) fn command(store: &Path) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(STORE, store);
        Ok(command)
    }

    pub(crate) async fn start(command: &mut Command) -> Result<Self> {
        let mut process = Process::start(command)?;
        let line =
            process.wait_for_line(BOUND, Stream::Stdout, |line| line.contains("LISTENING"))?;
        let (_, address) = line.split_once(' ').context("no address")?;
        let client = WorkflowServiceClient::connect(format!("http://{address}")).await?;
        Ok(Self { process, client })
    }

    /// Waits for the process to end because its store failed.
    pub(crate) fn wait_failed(&mut self) -> Result<()> {
        let status = self.process.wait_exit(BOUND)?;
        let said = self.process.said(Stream::Stderr);
        ensure!(status.code() == Some(3), "{status}: {said}");
        ensure!(said.contains("then start again"), "{said}");
        Ok(())
    }

    pub(crate) async fn start_workflow(&self, id: &str) -> Result<(), Status> {
        let request = StartWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_id: id.to_owned(),
            workflow_type: Some(WorkflowType {
                name: "flow".to_owned(),
            }),
            task_queue: queue(id),
            request_id: id.to_owned(),
            ..Default::default()
        };
        self.client
            .clone()
            .start_workflow_execution(request)
            .await?;
        Ok(())
    }

    /// One signal with so much in it.
    pub(crate) async fn signal(&self, id: &str, bytes: usize) -> Result<(), Status> {
        let input = Payload {
            data: vec![b'x'; bytes],
            ..Default::default()
        };
        let request = SignalWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution(id),
            signal_name: "go".to_owned(),
            input: Some(Payloads {
                payloads: vec![input],
            }),
            ..Default::default()
        };
        self.client
            .clone()
            .signal_workflow_execution(request)
            .await?;
        Ok(())
    }

    /// All events, in pages.
    pub(crate) async fn history(&self, id: &str) -> Result<Vec<HistoryEvent>, Status> {
        let (mut events, mut next_page_token) = (Vec::new(), Vec::new());
        loop {
            let request = GetWorkflowExecutionHistoryRequest {
                namespace: NAMESPACE.to_owned(),
                execution: execution(id),
                maximum_page_size: 10,
                next_page_token,
                ..Default::default()
            };
            let mut client = self.client.clone();
            let page = client.get_workflow_execution_history(request).await?;
            let page = page.into_inner();
            events.extend(page.history.unwrap_or_default().events);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() {
                return Ok(events);
            }
        }
    }

    /// As a worker does: takes the workflow task and ends the workflow.
    pub(crate) async fn finish(&self, id: &str) -> Result<(), Status> {
        let poll = PollWorkflowTaskQueueRequest {
            namespace: NAMESPACE.to_owned(),
            task_queue: queue(id),
            ..Default::default()
        };
        let mut client = self.client.clone();
        let task = client.poll_workflow_task_queue(poll).await?.into_inner();
        let attributes = CompleteWorkflowExecutionCommandAttributes::default();
        let end = Decision {
            command_type: CommandType::CompleteWorkflowExecution.into(),
            attributes: Some(Attributes::CompleteWorkflowExecutionCommandAttributes(
                attributes,
            )),
            ..Default::default()
        };
        let answer = RespondWorkflowTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: task.task_token,
            commands: vec![end],
            ..Default::default()
        };
        client.respond_workflow_task_completed(answer).await?;
        Ok(())
    }
}

/// Every workflow has a queue of its own, so that whoever polls knows what comes.
fn queue(id: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: id.to_owned(),
        ..Default::default()
    })
}

fn execution(id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution {
        workflow_id: id.to_owned(),
        ..Default::default()
    })
}
