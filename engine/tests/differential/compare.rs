//! What differs between two answers: scenario, step, event and field.

use std::collections::BTreeMap;

use crate::script::Scenario;
use crate::value::Value;

/// Every difference between the recording and ours, as text; none when there is none.
pub(crate) fn differences(name: &str, scenario: &Scenario, ours: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (step, ours) in scenario.steps.iter().zip(ours) {
        let expected = step.expected();
        let title = format!("{name}:{} `{}`", step.line, step.statement.word);
        if expected != *ours {
            out.push_str(&format!("\n{title}\n{}", of_lines(&expected, ours)));
        }
        for line in &step.recorded {
            if let Some((reason, accepted)) = &line.ours
                && line.theirs == *accepted
            {
                out.push_str(&format!("\n{title}\n  `{reason}` accepts no difference\n"));
            }
        }
    }
    out
}

/// A line with what it is about: the run, the number and type of an event, the code of a refusal.
struct Said<'a> {
    head: String,
    line: &'a str,
}

fn said(lines: &[String]) -> Vec<Said<'_>> {
    let mut run = String::new();
    let mut out = Vec::new();
    for line in lines {
        let about = match line.find('{') {
            Some(0) => "answer",
            Some(at) => line[..at].trim_end(),
            None => line,
        };
        if line.starts_with("run") && line.contains(" of ") {
            run = format!("{line}: ");
        }
        let head = format!("{run}{about}");
        out.push(Said { head, line });
    }
    out
}

fn of_lines(theirs: &[String], ours: &[String]) -> String {
    let mut out = String::new();
    let mut left = said(ours);
    for Said { head, line } in said(theirs) {
        let same = left
            .iter()
            .position(|ours| ours.line == line && ours.head == head);
        if let Some(at) = same {
            left.remove(at);
            continue;
        }
        match left.iter().position(|ours| ours.head == head) {
            Some(at) => {
                let ours = left.remove(at).line;
                out.push_str(&format!("  {head}\n"));
                out.push_str(&of_fields(line, ours));
                out.push_str(&format!("    ours in full: {ours}\n"));
            }
            None => out.push_str(&format!("  only the reference: {line}\n")),
        }
    }
    for Said { line, .. } in left {
        out.push_str(&format!("  only ours: {line}\n"));
    }
    match out.is_empty() {
        true => "  the same lines in another order\n".to_owned(),
        false => out,
    }
}

fn of_fields(theirs: &str, ours: &str) -> String {
    let (theirs, ours) = (fields(theirs), fields(ours));
    let mut out = String::new();
    for (path, value) in &theirs {
        match ours.get(path) {
            Some(same) if same == value => {}
            Some(other) => out.push_str(&format!("    {path}: {value}, ours {other}\n")),
            None => out.push_str(&format!("    {path}: {value}, ours has none\n")),
        }
    }
    for (path, value) in &ours {
        if !theirs.contains_key(path) {
            out.push_str(&format!("    {path}: none, ours {value}\n"));
        }
    }
    out
}

fn fields(line: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if let Some(at) = line.find('{')
        && let Ok(value) = Value::parse(&format!("[{}]", &line[at..]))
    {
        flatten("", &value, &mut out);
    }
    out
}

fn flatten(path: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let join = |name: &str| match path.is_empty() || path == "0" {
        true => name.to_owned(),
        false => format!("{path}.{name}"),
    };
    match value {
        Value::Record(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                flatten(&join(name), value, out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (at, value) in items.iter().enumerate() {
                flatten(&join(&at.to_string()), value, out);
            }
        }
        _ => {
            out.insert(path.to_owned(), value.to_string());
        }
    }
}
