//! What is added and never changed: what jobs that stay have added, what the running one has, and
//! how much of it the database has already.

#[derive(Debug)]
pub(super) struct Pile<T> {
    all: Vec<T>,
    kept: usize,
    written: usize,
}

impl<T> Default for Pile<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            kept: 0,
            written: 0,
        }
    }
}

impl<T> Pile<T> {
    pub(super) fn push(&mut self, one: T) {
        self.all.push(one);
    }

    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    /// The running job stays.
    pub(super) const fn keep(&mut self) {
        self.kept = self.all.len();
    }

    /// The running job is undone, and so is what was written for it alone. Gives back what it added.
    pub(super) fn undo(&mut self) -> Vec<T> {
        self.written = self.written.min(self.kept);
        self.all.split_off(self.kept)
    }

    /// What is not written yet, and counts as written from now on.
    pub(super) fn write(&mut self, kept_alone: bool) -> &[T] {
        let until = if kept_alone {
            self.kept
        } else {
            self.all.len()
        };
        let from = self.written;
        self.written = until.max(from);
        &self.all[from..self.written]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_for_a_job_goes_with_it() {
        let mut pile = Pile::default();
        pile.push(1);
        pile.keep();
        pile.push(2);
        assert_eq!(pile.write(true), [1]);
        assert_eq!(pile.write(false), [2]);
        pile.push(3);
        assert_eq!(pile.undo(), [2, 3]);
        pile.push(4);
        assert!(pile.write(true).is_empty());
        pile.keep();
        assert_eq!(pile.write(true), [4]);
        assert!(pile.write(false).is_empty());
        assert_eq!(pile.len(), 2);
    }
}
