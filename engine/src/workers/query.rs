//! Which workers a query means: the query language of listings, over what a heartbeat says.

use ambient::Timestamp;
use temporalio_protos::temporal::api::enums::v1::WorkerStatus;
use temporalio_protos::temporal::api::worker::v1::WorkerHeartbeat;

use crate::core::time::from_proto;
use crate::visibility::{BadQuery, Compare, Field, Filter, Value};

pub(crate) fn matches(filter: &Filter, worker: &WorkerHeartbeat) -> Result<bool, BadQuery> {
    match filter {
        Filter::Everything => Ok(true),
        Filter::All(parts) => {
            for part in parts {
                if !matches(part, worker)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Any(parts) => {
            for part in parts {
                if matches(part, worker)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::Not(part) => Ok(!matches(part, worker)?),
        Filter::Is(field, compare, value) => match (said(field, worker)?, value) {
            (Said::Text(text), Value::Text(wanted)) => compare_text(&text, *compare, wanted),
            (Said::Time(at), value) => compare_time(at, *compare, value),
            _ => Err(BadQuery(format!("{field:?} is a text"))),
        },
        Filter::Null(_) => Err(BadQuery(
            "operation is not supported: 'is' expression".into(),
        )),
    }
}

enum Said {
    Text(String),
    Time(Timestamp),
}

fn said(field: &Field, worker: &WorkerHeartbeat) -> Result<Said, BadQuery> {
    let name = match field {
        Field::TaskQueue => return Ok(Said::Text(worker.task_queue.clone())),
        Field::StartTime => return Ok(Said::Time(from_proto(worker.start_time.as_ref()))),
        Field::Custom(name) => name.as_str(),
        other => return Err(unknown(&format!("{other:?}"))),
    };
    let version = worker.deployment_version.as_ref();
    let text = match name {
        "WorkerInstanceKey" => worker.worker_instance_key.clone(),
        "WorkerIdentity" => worker.worker_identity.clone(),
        "HostName" => worker
            .host_info
            .as_ref()
            .map_or_else(String::new, |host| host.host_name.clone()),
        "DeploymentName" => version.map_or_else(String::new, |v| v.deployment_name.clone()),
        "BuildId" => version.map_or_else(String::new, |v| v.build_id.clone()),
        "SdkName" => worker.sdk_name.clone(),
        "SdkVersion" => worker.sdk_version.clone(),
        "Status" | "WorkerStatus" => status(worker.status()),
        "HeartbeatTime" | "LastHeartbeatTime" => {
            return Ok(Said::Time(from_proto(worker.heartbeat_time.as_ref())));
        }
        other => return Err(unknown(other)),
    };
    Ok(Said::Text(text))
}

/// As the reference spells it: `Running`, `ShuttingDown`.
fn status(status: WorkerStatus) -> String {
    format!("{status:?}")
}

fn unknown(name: &str) -> BadQuery {
    BadQuery(format!(
        "unknown or unsupported worker heartbeat search field: {name}"
    ))
}

fn compare_text(text: &str, compare: Compare, wanted: &str) -> Result<bool, BadQuery> {
    match compare {
        Compare::Equal => Ok(text == wanted),
        Compare::NotEqual => Ok(text != wanted),
        Compare::StartsWith => Ok(text.starts_with(wanted)),
        _ => Err(BadQuery("texts have no order here".to_owned())),
    }
}

fn compare_time(at: Timestamp, compare: Compare, value: &Value) -> Result<bool, BadQuery> {
    let wanted = match value {
        Value::Text(text) => Timestamp::parse_rfc3339(text),
        Value::Integer(micros) => Some(Timestamp::from_micros(*micros)),
        Value::Number(_) | Value::Bool(_) => None,
    };
    let wanted = wanted.ok_or_else(|| BadQuery(format!("{value:?} is not a time")))?;
    match compare {
        Compare::Equal => Ok(at == wanted),
        Compare::NotEqual => Ok(at != wanted),
        Compare::Less => Ok(at < wanted),
        Compare::LessOrEqual => Ok(at <= wanted),
        Compare::Greater => Ok(at > wanted),
        Compare::GreaterOrEqual => Ok(at >= wanted),
        Compare::StartsWith => Err(BadQuery("a time starts with nothing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::worker::v1::WorkerHostInfo;

    use super::*;
    use crate::core::time::to_proto;
    use crate::visibility::parse;

    #[test]
    fn reads_what_a_heartbeat_says() {
        let worker = WorkerHeartbeat {
            worker_instance_key: "key".to_owned(),
            task_queue: "queue".to_owned(),
            status: WorkerStatus::ShuttingDown as i32,
            host_info: Some(WorkerHostInfo {
                host_name: "host-1".to_owned(),
                ..WorkerHostInfo::default()
            }),
            start_time: Some(to_proto(
                Timestamp::parse_rfc3339("2026-01-02T00:00:00Z").unwrap(),
            )),
            heartbeat_time: Some(to_proto(
                Timestamp::parse_rfc3339("2026-01-03T00:00:00Z").unwrap(),
            )),
            ..WorkerHeartbeat::default()
        };
        for (query, expected) in [
            ("", Ok(true)),
            ("WorkerInstanceKey = \"key\"", Ok(true)),
            ("WorkerInstanceKey=\"other\"", Ok(false)),
            (
                "TaskQueue = 'queue' AND HostName STARTS_WITH 'host'",
                Ok(true),
            ),
            ("Status = 'ShuttingDown' OR SdkName = 'x'", Ok(true)),
            ("StartTime < '2026-01-02T12:00:00Z'", Ok(true)),
            (
                "HeartbeatTime BETWEEN '2026-01-03T00:00:00Z' AND '2026-01-04T00:00:00Z'",
                Ok(true),
            ),
            ("NOT BuildId = ''", Ok(false)),
            ("WorkflowId = 'w'", Err(())),
            ("Colour = 'red'", Err(())),
            ("TaskQueue = 5", Err(())),
            ("TaskQueue < 'r'", Err(())),
            ("HeartbeatTime > 'soon'", Err(())),
        ] {
            let filter = parse(query).unwrap();
            assert_eq!(matches(&filter, &worker).map_err(drop), expected, "{query}");
        }
    }
}
