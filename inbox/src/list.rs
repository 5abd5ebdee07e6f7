//! Reading, and taking up what came back.

use db::{Tx, Value, params};
use domain::MessageId;
use domain::rail::RailId;

use crate::error::InboxError;
use crate::row::{COLUMNS, read};
use crate::{Inbox, LONGEST_PAGE, Message, Origin, State};

/// All of them, where nothing is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub rail: Option<RailId>,
    pub origin: Option<Origin>,
    pub state: Option<State>,
}

impl Inbox {
    pub async fn message(&self, id: MessageId) -> Result<Option<Message>, InboxError> {
        let sql = format!("SELECT {COLUMNS} FROM rail_messages WHERE message_id = $1");
        let row = self
            .db
            .fetch_optional(&sql, params![id.to_string()])
            .await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    /// The newest first, older than the given one.
    pub async fn messages(
        &self,
        filter: Filter,
        older_than: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, InboxError> {
        let mut params: Vec<Value> = params![i64::from(limit.min(LONGEST_PAGE))];
        let mut sql = format!("SELECT {COLUMNS} FROM rail_messages WHERE 1 = 1");
        let wanted = [
            ("rail =", filter.rail.map(|rail| rail.name().to_owned())),
            ("origin =", filter.origin.map(|it| it.name().to_owned())),
            ("state =", filter.state.map(|it| it.name().to_owned())),
            ("message_id <", older_than.map(|id| id.to_string())),
        ];
        for (condition, value) in wanted {
            if let Some(value) = value {
                params.push(value.into());
                sql.push_str(&format!(" AND {condition} ${}", params.len()));
            }
        }
        sql.push_str(" ORDER BY message_id DESC LIMIT $1");
        let rows = self.db.fetch_all(&sql, params).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The bank's own words, where somebody may still have to read them.
    pub async fn words(&self, id: MessageId) -> Result<Option<String>, InboxError> {
        let sql = "SELECT sealed_words FROM rail_messages WHERE message_id = $1";
        let row = self.db.fetch_optional(sql, params![id.to_string()]).await?;
        let sealed = row.map(|row| row.opt_bytes("sealed_words")).transpose()?;
        match sealed.flatten() {
            Some(sealed) => Ok(Some(self.open(id, &sealed)?)),
            None => Ok(None),
        }
    }

    /// Takes up money that came back: true for the one who is first. Repeating it after a crash is
    /// the taker's to recognise, by what it derived from the message's id.
    pub async fn claim(&self, id: MessageId) -> Result<bool, InboxError> {
        let write = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let claimed = tx
                    .execute(
                        "UPDATE rail_messages SET state = 'claimed', sealed_words = NULL,
                             settled_at = $2
                         WHERE message_id = $1 AND state = 'unclaimed'",
                        params![id.to_string(), tx.now()],
                    )
                    .await?;
                Ok::<_, InboxError>(claimed == 1)
            })
        });
        Ok(write.await?)
    }
}

/// What every installation's messages are sealed under; a person's words are forgotten with the
/// message, not with a person's key, because nobody knows whose they are.
const SCOPE: &str = "inbox";

impl Inbox {
    pub(crate) fn seal(&self, id: MessageId, words: &[u8]) -> Result<Vec<u8>, InboxError> {
        let key_id = self.vault.payload_key_id(SCOPE);
        let sealed = self.vault.payload_key(&key_id)?.seal(&purpose(id), words)?;
        Ok([key_id.as_bytes(), b"\n", &sealed].concat())
    }

    fn open(&self, id: MessageId, stored: &[u8]) -> Result<String, InboxError> {
        let end = stored.iter().position(|byte| *byte == b'\n');
        let (key_id, sealed) = stored.split_at(end.unwrap_or(0));
        let key = self.vault.payload_key(&String::from_utf8_lossy(key_id))?;
        let plain = key.open(&purpose(id), sealed.get(1..).unwrap_or_default())?;
        Ok(String::from_utf8_lossy(&plain).into_owned())
    }
}

fn purpose(id: MessageId) -> String {
    format!("rail-message/{id}")
}
