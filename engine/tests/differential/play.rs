//! Plays a scenario's steps on a server and says what it answered, in plain lines.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use prost::Message;
use tokio::task::JoinHandle;
use tonic::Status;

use crate::decode::decode;
use crate::encode::encode;
use crate::plain::Plain;
use crate::schema::SCHEMA;
use crate::script::{Scenario, Statement, Step};
use crate::server::Server;
use crate::value::Value;
use crate::words::{Call, WORKFLOW_SERVICE, call};

/// A step that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(30);

type Answer = Result<Value, Status>;

pub(crate) struct Play {
    server: Server,
    namespace: String,
    plain: Plain,
    /// Earlier answers by label, as they were.
    known: HashMap<String, Value>,
    waiting: HashMap<String, (Call, JoinHandle<Answer>)>,
}

/// A line of a recording. An event that stands in a history at the end is named by its number
/// alone elsewhere.
enum Line {
    Says(String),
    Event { id: u64, line: String },
}

impl Play {
    pub(crate) fn on(server: Server, namespace: &str) -> Self {
        let (now, _) = ambient::SystemClock::shared().now().split();
        Self {
            server,
            namespace: namespace.to_owned(),
            plain: Plain {
                namespace: namespace.to_owned(),
                now,
                ..Plain::default()
            },
            known: HashMap::new(),
            waiting: HashMap::new(),
        }
    }

    /// What was answered to each step.
    pub(crate) async fn all(mut self, scenario: &Scenario) -> Result<Vec<Vec<String>>, String> {
        let mut answers: Vec<Vec<Line>> = Vec::new();
        for step in &scenario.steps {
            let lines = tokio::time::timeout(PATIENCE, self.step(step)).await;
            let lines = lines.map_err(|_| "hangs".to_owned()).flatten();
            let lines = lines.map_err(|error| {
                let before = answers.drain(..).flat_map(|lines| shorten(lines, None));
                let before = before.collect::<Vec<_>>().join("\n    ");
                format!("line {}: {error}; before it\n    {before}", step.line)
            });
            answers.push(lines?);
        }
        let settled: BTreeSet<String> = answers
            .last()
            .into_iter()
            .flatten()
            .filter_map(|line| match line {
                Line::Event { line, .. } => Some(line.clone()),
                Line::Says(_) => None,
            })
            .collect();
        let last = answers.len() - 1;
        let shown = answers.into_iter().enumerate();
        Ok(shown
            .map(|(at, lines)| shorten(lines, (at < last).then_some(&settled)))
            .collect())
    }

    async fn step(&mut self, step: &Step) -> Result<Vec<Line>, String> {
        let statement = &step.statement;
        match statement.word.as_str() {
            "histories" => self.histories().await,
            "wait" => {
                let label = statement.args.first().and_then(Value::as_text);
                let waiting = label.and_then(|label| self.waiting.remove(label));
                let (call, answer) = waiting.ok_or("nothing waits by that label")?;
                let answer = answer.await.map_err(|error| error.to_string())?;
                Ok(self.lines(label, &call, answer))
            }
            _ => self.ask(statement).await,
        }
    }

    async fn ask(&mut self, statement: &Statement) -> Result<Vec<Line>, String> {
        let mut call = call(&statement.word, &statement.args)?;
        call.request = self.resolve(&call.request)?;
        if call.request.get("namespace").is_none() && call.service == WORKFLOW_SERVICE {
            call.request
                .set("namespace", Value::text(self.namespace.as_str()));
        }
        let label = statement.label.as_deref();
        let asking = perform(self.server.clone(), call.clone());
        if statement.background {
            let label = label.unwrap_or_default().to_owned();
            self.waiting.insert(label, (call, tokio::spawn(asking)));
            return Ok(Vec::new());
        }
        if let Some(millis) = statement.within_millis {
            let answer = tokio::time::timeout(Duration::from_millis(millis), asking).await;
            return Ok(match answer {
                Ok(answer) => self.lines(label, &call, answer),
                Err(_) => vec![Line::Says("nothing".to_owned())],
            });
        }
        let mut answer = asking.await;
        if let Some((path, value)) = &statement.until {
            // A refusal will not become an answer.
            let holds = |answer: &Answer| {
                let Ok(answer) = answer else { return true };
                let found = answer.at(path);
                found.and_then(|found| found.as_text().map(str::to_owned)) == Some(value.clone())
            };
            while !holds(&answer) {
                tokio::time::sleep(PAUSE).await;
                answer = perform(self.server.clone(), call.clone()).await;
            }
        }
        Ok(self.lines(label, &call, answer))
    }

    /// `$label.path` becomes what an earlier answer had there, `$x1001` a long word.
    fn resolve(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::Text(text) if text == "$namespace" => Value::text(self.namespace.as_str()),
            Value::Text(text) if text.starts_with("$x") && text[2..].parse::<usize>().is_ok() => {
                Value::Text("x".repeat(text[2..].parse().unwrap_or(0)))
            }
            Value::Text(text) if text.starts_with('$') => {
                let (label, path) = text[1..].split_once('.').unwrap_or((&text[1..], ""));
                let found = self.known.get(label).and_then(|answer| answer.at(path));
                found.ok_or_else(|| format!("there is no {text}"))?
            }
            Value::List(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.resolve(item))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Record(fields) => Value::Record(
                fields
                    .iter()
                    .map(|(name, value)| Ok((self.resolve_key(name)?, self.resolve(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }

    /// As a key, `$label.path` is the one key of the map there: the query that rides on a task.
    fn resolve_key(&self, name: &str) -> Result<String, String> {
        let Some((label, path)) = name.strip_prefix('$').and_then(|at| at.split_once('.')) else {
            return Ok(name.to_owned());
        };
        match self.known.get(label).and_then(|answer| answer.at(path)) {
            Some(Value::Record(fields)) if fields.len() == 1 => Ok(fields[0].0.clone()),
            _ => Err(format!("there is no one key in {name}")),
        }
    }

    fn lines(&mut self, label: Option<&str>, call: &Call, answer: Answer) -> Vec<Line> {
        match answer {
            Err(status) => vec![Line::Says(self.refusal(&status))],
            Ok(answer) => {
                for label in [label, polled(&call.rpc)].into_iter().flatten() {
                    self.known.insert(label.to_owned(), answer.clone());
                }
                let asked = ["workflow_id", "execution.workflow_id", "execution"];
                let mut asked = asked.iter().filter_map(|path| call.request.at(path));
                let workflow_id = asked.find_map(|value| value.as_text().map(str::to_owned));
                self.answer(&call.rpc, answer, workflow_id.as_deref())
            }
        }
    }

    fn answer(&mut self, rpc: &str, answer: Value, workflow_id: Option<&str>) -> Vec<Line> {
        let mut answer = self.plain.answer(rpc, answer, workflow_id);
        let mut histories = Vec::new();
        take_events(&mut answer, &mut histories);
        let mut lines = vec![Line::Says(answer.to_string())];
        lines.extend(histories.into_iter().map(event));
        lines
    }

    fn refusal(&mut self, status: &Status) -> String {
        let message = Value::Text(self.plain.text(status.message()));
        let mut line = format!("! {:?} {message}", status.code());
        if let Ok(details) = RpcStatus::decode(status.details()) {
            for detail in details.details {
                let any = decode("google.protobuf.Any", &detail);
                let detail = self.plain.plain(any, None);
                line.push_str(&format!(" {detail}"));
            }
        }
        line
    }

    /// Every run that was named, to its present end.
    async fn histories(&mut self) -> Result<Vec<Line>, String> {
        let mut lines = Vec::new();
        let mut at = 0;
        while let Some((workflow_id, run_id)) = self.plain.runs.get(at).cloned() {
            at += 1;
            let Some(workflow_id) = workflow_id else {
                continue;
            };
            lines.push(Line::Says(format!("run{at} of {workflow_id}")));
            let mut page = Value::Null;
            loop {
                let execution = vec![
                    ("workflow_id".to_owned(), Value::text(workflow_id.as_str())),
                    ("run_id".to_owned(), Value::text(run_id.as_str())),
                ];
                let mut request = vec![
                    ("namespace".to_owned(), Value::text(self.namespace.as_str())),
                    ("execution".to_owned(), Value::Record(execution)),
                ];
                if page != Value::Null {
                    request.push(("next_page_token".to_owned(), page));
                }
                let call = Call {
                    service: WORKFLOW_SERVICE,
                    rpc: "GetWorkflowExecutionHistory".to_owned(),
                    request: Value::Record(request),
                };
                match perform(self.server.clone(), call).await {
                    Err(status) => {
                        lines.push(Line::Says(self.refusal(&status)));
                        break;
                    }
                    Ok(answer) => {
                        page = answer
                            .get("next_page_token")
                            .cloned()
                            .unwrap_or(Value::Null);
                        let shown = self.answer("", answer, Some(&workflow_id));
                        lines.extend(
                            shown
                                .into_iter()
                                .filter(|l| matches!(l, Line::Event { .. })),
                        );
                        if page == Value::Null {
                            break;
                        }
                    }
                }
            }
        }
        Ok(lines)
    }
}

async fn perform(server: Server, call: Call) -> Answer {
    let types = SCHEMA.rpc(call.service, &call.rpc);
    let (request, answer) = types.ok_or_else(|| no(format!("there is no RPC {}", call.rpc)))?;
    let bytes = encode(request, &call.request).map_err(no)?;
    let bytes = server.call(call.service, &call.rpc, bytes).await?;
    Ok(decode(answer, &bytes))
}

/// A mistake in the scenario itself, which no server's answer looks like.
fn no(why: String) -> Status {
    panic!("{why}")
}

/// The latest task is known without a label.
fn polled(rpc: &str) -> Option<&'static str> {
    match rpc {
        "PollWorkflowTaskQueue" => Some("task"),
        "PollActivityTaskQueue" => Some("activity"),
        _ => None,
    }
}

/// Takes the histories out of an answer, wherever they are.
fn take_events(answer: &mut Value, into: &mut Vec<Value>) {
    if let Some(mut history) = answer.take("history")
        && let Some(Value::List(events)) = history.take("events")
    {
        into.extend(events);
    }
    if let Value::Record(fields) = answer {
        for (_, field) in fields {
            if matches!(field, Value::Record(_)) {
                take_events(field, into);
            }
        }
    }
}

fn event(mut event: Value) -> Line {
    let id = event.take("event_id").unwrap_or(Value::Null);
    let kind = event.take("event_type").unwrap_or(Value::Null);
    let mut camel = String::new();
    for word in kind.as_text().unwrap_or("?").split('_') {
        camel.push_str(&word[..1]);
        camel.push_str(&word[1..].to_lowercase());
    }
    let mut attributes = Value::Null;
    let mut rest = Vec::new();
    if let Value::Record(fields) = event {
        for (name, value) in fields {
            match name.ends_with("_event_attributes") {
                true => attributes = value,
                false => rest.push((name, value)),
            }
        }
    }
    let mut line = format!("{id} {camel} {attributes}");
    if !rest.is_empty() {
        line.push_str(&format!(" {}", Value::Record(rest)));
    }
    let id = id.as_text().and_then(|id| id.parse().ok()).unwrap_or(0);
    Line::Event { id, line }
}

/// Events that a history has in full are named by their numbers.
fn shorten(lines: Vec<Line>, settled: Option<&BTreeSet<String>>) -> Vec<String> {
    let mut out = Vec::new();
    let mut range: Option<(u64, u64)> = None;
    let close = |range: &mut Option<(u64, u64)>, out: &mut Vec<String>| {
        if let Some((from, to)) = range.take() {
            out.push(match from == to {
                true => format!("event {from}"),
                false => format!("events {from} to {to}"),
            });
        }
    };
    for line in lines {
        match line {
            Line::Event { id, line } if settled.is_some_and(|s| s.contains(&line)) => {
                match &mut range {
                    Some((_, to)) if *to + 1 == id => *to = id,
                    _ => {
                        close(&mut range, &mut out);
                        range = Some((id, id));
                    }
                }
            }
            Line::Event { line, .. } | Line::Says(line) => {
                close(&mut range, &mut out);
                out.push(line);
            }
        }
    }
    close(&mut range, &mut out);
    out
}

#[derive(Message)]
struct RpcStatus {
    #[prost(bytes = "vec", repeated, tag = "3")]
    details: Vec<Vec<u8>>,
}
