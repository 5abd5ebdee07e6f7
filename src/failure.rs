//! Why the program ends: one line that says what to do, and an exit code from the one registry.

use std::fmt::{self, Write};

use domain::Code;

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    line: String,
}

impl Failure {
    pub(crate) fn new(code: Code, line: impl Into<String>) -> Self {
        Self {
            code,
            line: line.into(),
        }
    }

    /// Appends the chain of causes, so that the one line is the whole story.
    pub(crate) fn caused(
        code: Code,
        line: impl Into<String>,
        error: &dyn std::error::Error,
    ) -> Self {
        let mut line = line.into();
        let mut cause = Some(error);
        while let Some(error) = cause {
            let said = error.to_string();
            // Some libraries repeat the cause in the error itself.
            if !line.ends_with(&said) {
                // Writing to a String cannot fail.
                let _infallible = write!(line, ": {said}");
            }
            cause = error.source();
        }
        Self::new(code, line)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line = self.line.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{one_line} [{}]", self.code.slug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_nothing_twice() {
        let cause = std::io::Error::other("the disk is full");
        let failure = Failure::caused(Code::Internal, "cannot write: the disk is full", &cause);
        assert_eq!(
            failure.to_string(),
            "cannot write: the disk is full [internal]"
        );
    }

    #[test]
    fn is_one_line_whatever_the_cause_says() {
        let cause = std::io::Error::other("first\nsecond");
        let failure = Failure::caused(Code::ConfigInvalid, "cannot read it", &cause);
        assert_eq!(
            failure.to_string(),
            "cannot read it: first second [config-invalid]"
        );
    }
}
