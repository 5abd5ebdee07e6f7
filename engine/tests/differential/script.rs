//! A scenario's file: comments, steps at the beginning of a line, and under each step, indented,
//! what the reference server answered. A line `~ reason | line` under an answer says that ours
//! differs there, on purpose: `reason` is a heading of `differences.md`, and `line` is what ours
//! says instead (nothing: the line is missing).

use std::path::Path;

use crate::value::Value;

const INDENT: &str = "    ";

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) steps: Vec<Step>,
    /// Comments after the last step.
    tail: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Step {
    /// The step as it is written, with the comments before it.
    source: Vec<String>,
    pub(crate) line: usize,
    pub(crate) statement: Statement,
    pub(crate) recorded: Vec<Recorded>,
}

/// One line of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) theirs: String,
    /// Why ours says something else, and what.
    pub(crate) ours: Option<(String, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) label: Option<String>,
    pub(crate) background: bool,
    pub(crate) within_millis: Option<u64>,
    /// Repeated until the answer has this at that path.
    pub(crate) until: Option<(String, String)>,
    pub(crate) word: String,
    pub(crate) args: Vec<Value>,
}

impl Scenario {
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let mut steps: Vec<Step> = Vec::new();
        let mut source = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(answer) = line.strip_prefix(INDENT) {
                let step = steps.last_mut().filter(|_| source.is_empty());
                let step = step.ok_or_else(|| format!("line {}: whose answer?", number + 1))?;
                step.answer(answer)
                    .map_err(|error| format!("line {}: {error}", number + 1))?;
                continue;
            }
            source.push(line.to_owned());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut whole = line.to_owned();
            while !is_balanced(&whole) {
                let (_, more) = lines.next().ok_or("a record is not closed")?;
                source.push(more.to_owned());
                whole = format!("{whole} {more}");
            }
            let statement = Statement::parse(&whole);
            let statement = statement.map_err(|error| format!("line {}: {error}", number + 1))?;
            steps.push(Step {
                source: std::mem::take(&mut source),
                line: number + 1,
                statement,
                recorded: Vec::new(),
            });
        }
        if steps
            .last()
            .is_none_or(|step| step.statement.word != "histories")
        {
            return Err("the last step of a scenario is `histories`".to_owned());
        }
        Ok(Self {
            steps,
            tail: source,
        })
    }

    /// The same file with other answers of the reference. A difference of ours stays with its line
    /// as long as the line stays.
    pub(crate) fn record(&self, answers: &[Vec<String>], file: &Path) -> std::io::Result<()> {
        let mut text = String::new();
        let mut say = |indent: &str, line: &str| {
            text.push_str(format!("{indent}{line}").trim_end());
            text.push('\n');
        };
        for (step, answer) in self.steps.iter().zip(answers) {
            step.source.iter().for_each(|line| say("", line));
            let mut before = step.recorded.iter().filter(|line| line.ours.is_some());
            for line in answer {
                say(INDENT, line);
                if let Some((reason, ours)) = before
                    .clone()
                    .find(|before| before.theirs == *line)
                    .and_then(|before| before.ours.as_ref())
                {
                    say(INDENT, &format!("~ {reason} | {ours}"));
                    before.next();
                }
            }
        }
        self.tail.iter().for_each(|line| say("", line));
        std::fs::write(file, text)
    }
}

impl Step {
    fn answer(&mut self, line: &str) -> Result<(), String> {
        let Some(difference) = line.strip_prefix("~ ") else {
            self.recorded.push(Recorded {
                theirs: line.to_owned(),
                ours: None,
            });
            return Ok(());
        };
        let (reason, ours) = difference
            .split_once('|')
            .ok_or("a difference is `~ reason | line`")?;
        let last = self.recorded.last_mut().ok_or("differs from nothing")?;
        last.ours = Some((reason.trim().to_owned(), ours.trim().to_owned()));
        Ok(())
    }

    /// What ours is to answer.
    pub(crate) fn expected(&self) -> Vec<String> {
        let lines = self.recorded.iter();
        let lines = lines.map(|line| line.ours.as_ref().map_or(&line.theirs, |(_, ours)| ours));
        lines.filter(|line| !line.is_empty()).cloned().collect()
    }
}

impl Statement {
    fn parse(text: &str) -> Result<Self, String> {
        let mut statement = Self {
            label: None,
            background: false,
            within_millis: None,
            until: None,
            word: String::new(),
            args: Vec::new(),
        };
        let mut rest = text;
        while statement.word.is_empty() {
            let (token, more) = rest.split_once(' ').unwrap_or((rest, ""));
            if let Some(label) = token.strip_prefix('&') {
                statement.label = Some(label.to_owned());
                statement.background = true;
            } else if let Some(label) = token.strip_suffix(':') {
                statement.label = Some(label.to_owned());
            } else if let Some(within) = token.strip_prefix("within=") {
                let millis = crate::encode::millis(within).and_then(|ms| ms.try_into().ok());
                statement.within_millis = Some(millis.ok_or("within what?")?);
            } else if let Some(until) = token.strip_prefix("until=") {
                let (path, value) = until.split_once('=').ok_or("until what is what?")?;
                statement.until = Some((path.to_owned(), value.to_owned()));
            } else {
                token.clone_into(&mut statement.word);
            }
            rest = more.trim_start();
            if rest.is_empty() {
                break;
            }
        }
        let Value::List(args) = Value::parse(&format!("[{rest}]"))? else {
            return Err("arguments are values".to_owned());
        };
        statement.args = args;
        Ok(statement)
    }
}

fn is_balanced(text: &str) -> bool {
    let mut depth = 0;
    let mut inside = false;
    for c in text.chars() {
        match c {
            '"' => inside = !inside,
            '{' | '[' if !inside => depth += 1,
            '}' | ']' if !inside => depth -= 1,
            _ => {}
        }
    }
    depth <= 0
}
