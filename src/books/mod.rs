//! `remit ledger …`: looking into the books from the command line, beside a program that runs.
//!
//! Nothing in here writes: the database is opened for reading alone, and neither the lock of the
//! data directory nor a migration is taken. Tables are for people, `--json` is for programs.

mod chain;
pub(crate) mod open;
mod questions;
mod reads;
pub(crate) mod table;

pub(crate) use open::{database, database_url, vault};
pub(crate) use questions::Books;

use questions::Question;

use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) async fn run(books: Books, settings: &Settings) -> Result<(), Failure> {
    let json = books.json;
    match books.question {
        Question::Verify(asked) => chain::verify(asked, json, settings).await,
        Question::Head(asked) => chain::head(asked, json, settings).await,
        Question::Trial(asked) => reads::trial(&asked, json, settings).await,
        Question::Statement(asked) => reads::statement(&asked, json, settings).await,
        Question::Explain(asked) => reads::explain(&asked, json, settings).await,
        Question::Balance(asked) => reads::balance(&asked, json, settings).await,
        Question::Chart => {
            reads::chart(json);
            Ok(())
        }
    }
}
