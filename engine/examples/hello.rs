//! A hello-world workflow in one process, durable, without any server:
//! `cargo run -p engine --example hello`. Run it twice: the second start finds the first's result.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ambient::SystemClock;
use engine::{Config, Engine};
use temporalio_client::callback_based::{CallbackBasedGrpcService, GrpcSuccessResponse};
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions};
use temporalio_client::{WorkflowIdReusePolicy, WorkflowStartOptions};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::activities::{ActivityContext, ActivityError};
use temporalio_sdk::{ActivityOptions, Runtime, Worker, WorkerOptions};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

struct Greetings;

#[activities]
impl Greetings {
    #[activity]
    async fn greet(_: ActivityContext, name: String) -> Result<String, ActivityError> {
        Ok(format!("Hello, {name}!"))
    }
}

#[workflow]
#[derive(Default)]
struct Hello;

#[workflow_methods]
impl Hello {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let within = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(Greetings::greet, name, within).await?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::open(Config {
        path: std::env::temp_dir().join("hello-engine.db"),
        clock: SystemClock::shared(),
        namespaces: vec!["default".to_owned()],
    })
    .await?;
    let client = connect(&engine).await?;
    let runtime = Runtime::from_current_tokio(Default::default())?;
    let options = WorkerOptions::new("hello")
        .register_workflow::<Hello>()?
        .register_activities(Greetings)
        .build();
    let mut worker = Worker::new(&runtime, client.clone(), options)?;
    let stop = worker.shutdown_handle();

    let once = WorkflowStartOptions::new("hello", "hello-world")
        .id_reuse_policy(WorkflowIdReusePolicy::RejectDuplicate)
        .build();
    let greeting = async {
        match client
            .start_workflow(Hello::run, "world".to_owned(), once)
            .await
        {
            Ok(_) | Err(WorkflowStartError::AlreadyStarted { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let handle = client.get_workflow_handle::<Hello>("hello-world");
        let result = handle.get_result(Default::default()).await?;
        stop();
        Ok::<_, Box<dyn Error>>(result)
    };
    let (worked, greeting) = tokio::join!(worker.run(), greeting);
    println!("{}", greeting?);
    worked?;
    engine.close().await;
    Ok(())
}

/// The SDK's connection, with every call a function call.
async fn connect(engine: &Engine) -> Result<Client, Box<dyn Error>> {
    let door = engine.door();
    let in_process = CallbackBasedGrpcService {
        callback: Arc::new(move |call| {
            let door = door.clone();
            Box::pin(async move {
                let reply = door
                    .call(&call.service, &call.rpc, call.headers, call.proto)
                    .await?;
                Ok(GrpcSuccessResponse {
                    headers: reply.headers,
                    proto: reply.proto,
                })
            })
        }),
    };
    let options = ConnectionOptions::new("http://in-process".parse::<url::Url>()?)
        .service_override(in_process)
        .dns_load_balancing(None)
        .build();
    let connection = Connection::connect(options).await?;
    Ok(Client::new(
        connection,
        ClientOptions::new("default").build(),
    )?)
}
