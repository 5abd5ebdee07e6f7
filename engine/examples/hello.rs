//! A hello-world workflow in one process, durable, without any server:
//! `cargo run -p engine --example hello`. Killed in the middle and started again, it goes on.

use std::error::Error;
use std::time::Duration;

use engine::{Config, Engine};
use temporalio_client::{Client, WorkflowIdConflictPolicy, WorkflowStartOptions};
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
    let engine = Engine::open(Config::at(std::env::temp_dir().join("hello.db"))).await?;
    let client = engine.client("default").await?;
    let options = WorkerOptions::new("hello")
        .register_workflow::<Hello>()?
        .register_activities(Greetings)
        .build();
    let runtime = Runtime::from_current_tokio(Default::default())?;
    let mut worker = Worker::new(&runtime, client.clone(), options)?;
    let stop = worker.shutdown_handle();
    let greeting = async {
        let greeting = greet(&client, "world").await;
        stop();
        greeting
    };
    let (worked, greeting) = tokio::join!(worker.run(), greeting);
    println!("{}", greeting?);
    engine.close().await;
    Ok(worked?)
}

async fn greet(client: &Client, whom: &str) -> Result<String, Box<dyn Error>> {
    let options = WorkflowStartOptions::new("hello", "hello-world")
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .build();
    let hello = client
        .start_workflow(Hello::run, whom.to_owned(), options)
        .await?;
    Ok(hello.get_result(Default::default()).await?)
}
