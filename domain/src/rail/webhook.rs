//! What a bank sends by itself. It names what to ask the bank about; where it also says what became
//! of that, its word is compared with our order before it counts.

use super::{CardKey, NetworkReference, Word};
use crate::{StepKey, Timestamp};

/// One header of the request, by its name in any case.
pub type Header<'a> = (&'a str, &'a str);

/// A notice whose signature is the bank's and is fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The bank's own id of the notice, the same on each delivery: seen once, it is done.
    pub id: String,
    pub ask: Vec<Ask>,
    /// What it says of the first of them. None: it only names what to ask about.
    pub word: Option<Word>,
}

/// What to ask the bank about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What became of this step?
    Step(StepKey),
    /// What became of this part of a card payment?
    Card(CardKey),
    /// What happened to this payment, of which only the network's name is known: a chargeback.
    Payment(NetworkReference),
    /// Something new stands in the statement.
    Statement,
}

/// Nothing of the notice may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    #[error("the notice has no signature of the form that this rail sends")]
    NotSigned,
    #[error("the notice is not signed with a secret that we share with the bank")]
    WrongSignature,
    #[error("the notice was signed too long ago or in the future; it may be a repetition")]
    Stale,
    #[error("the notice is signed and makes no sense")]
    Garbage,
}

pub trait Webhooks: Send + Sync {
    /// Checks the signature over the very bytes that came, then reads which ids it is about and
    /// what it says of them.
    fn verify(
        &self,
        headers: &[Header<'_>],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, NoticeError>;
}
