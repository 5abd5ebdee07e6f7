//! The order of a decision's commands: whatever ends the run comes last. A decision in another
//! order is refused as it is, and its task goes on.

use temporalio_protos::temporal::api::command::v1::{Command, command::Attributes};
use temporalio_protos::temporal::api::enums::v1::CommandType;

use crate::core::Refusal;

pub(crate) fn check(commands: &[Command]) -> Result<(), Refusal> {
    let says_nothing = |c: &&Command| kind(c) == CommandType::Unspecified && c.attributes.is_none();
    if let Some(unknown) = commands.iter().find(says_nothing) {
        return Err(Refusal::Invalid(format!(
            "unknown command type: {}",
            name(unknown)
        )));
    }
    let before_last = commands.iter().rev().skip(1);
    match before_last.rev().find(|command| closes(command)) {
        None => Ok(()),
        Some(early) => {
            let all: Vec<_> = commands.iter().map(name).collect();
            Err(Refusal::Invalid(format!(
                "invalid command sequence: [{}], command {} must be the last command.",
                all.join(", "),
                name(early)
            )))
        }
    }
}

fn kind(command: &Command) -> CommandType {
    CommandType::try_from(command.command_type).unwrap_or_default()
}

fn closes(command: &Command) -> bool {
    matches!(
        command.attributes,
        Some(
            Attributes::CompleteWorkflowExecutionCommandAttributes(_)
                | Attributes::FailWorkflowExecutionCommandAttributes(_)
                | Attributes::CancelWorkflowExecutionCommandAttributes(_)
                | Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(_)
        )
    )
}

fn name(command: &Command) -> String {
    format!("{:?}", kind(command))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn nothing_follows_the_end() {
        check(
            "start; poll; complete finish timer=t@5; complete finish",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                refused: invalid command sequence: [CompleteWorkflowExecution, StartTimer], command CompleteWorkflowExecution must be the last command.
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionCompleted
            "#]],
        );
    }
}
