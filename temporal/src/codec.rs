//! The payload codec: what lies in a history is sealed, whoever's server keeps the history.
//!
//! The SDK tells a codec nothing about the workflow, so one key per namespace seals everything;
//! its id stands in the metadata, and payloads sealed under an older master key stay readable.
//! Payloads hold ids and amounts only: erasing a person never depends on them.
//!
//! What is not sealed is not read: the seal is also the proof that a payload is ours. Without it,
//! whoever reaches the engine could answer for a bank, or order a transfer of their own. Such a
//! payload becomes one that no type can be read from, so a forged answer of a bank is as good as
//! none, and the bank is asked.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, ready};
use prost::Message;
use temporalio_common::data_converters::{
    PayloadCodec, PayloadConversionError, SerializationContextData,
};
use temporalio_common::protos::temporal::api::common::v1::Payload;
use vault::{Key, Vault, VaultError};

const ENCODING: &str = "encoding";
const SEALED: &[u8] = b"binary/encrypted";
/// No converter knows it.
const NOT_OURS: &[u8] = b"binary/not-sealed";
const KEY_ID: &str = "encryption-key-id";
const PURPOSE: &str = "workflow payload";

/// Whether histories can be read by whoever can read the engine's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Histories {
    Sealed,
    /// For looking inside in the sandbox. What was sealed before stays readable, and whoever
    /// reaches the engine is trusted.
    Plain,
}

#[derive(Clone, Debug)]
pub(crate) struct Codec {
    vault: Vault,
    /// Derived once: this runs for every payload of every task.
    newest: Arc<(String, Key)>,
    histories: Histories,
}

impl Codec {
    pub(crate) fn new(
        vault: Vault,
        namespace: &str,
        histories: Histories,
    ) -> Result<Self, VaultError> {
        let id = vault.payload_key_id(namespace);
        let key = vault.payload_key(&id)?;
        Ok(Self {
            vault,
            newest: Arc::new((id, key)),
            histories,
        })
    }

    fn seal(&self, payload: &Payload) -> Result<Payload, PayloadConversionError> {
        let (id, key) = &*self.newest;
        let data = key
            .seal(PURPOSE, &payload.encode_to_vec())
            .map_err(codec_error)?;
        Ok(Payload {
            metadata: [
                (ENCODING.to_owned(), SEALED.to_vec()),
                (KEY_ID.to_owned(), id.clone().into_bytes()),
            ]
            .into(),
            data,
            ..Payload::default()
        })
    }

    fn open(&self, payload: Payload) -> Result<Payload, PayloadConversionError> {
        if payload.metadata.get(ENCODING).map(Vec::as_slice) != Some(SEALED) {
            return match self.histories {
                Histories::Plain => Ok(payload),
                Histories::Sealed => Ok(not_ours()),
            };
        }
        let id = payload
            .metadata
            .get(KEY_ID)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let plain = if id == self.newest.0.as_bytes() {
            self.newest.1.open(PURPOSE, &payload.data)
        } else {
            self.vault
                .payload_key(&String::from_utf8_lossy(id))
                .and_then(|key| key.open(PURPOSE, &payload.data))
        };
        Payload::decode(plain.map_err(codec_error)?.as_slice()).map_err(codec_error)
    }
}

fn not_ours() -> Payload {
    Payload {
        metadata: [(ENCODING.to_owned(), NOT_OURS.to_vec())].into(),
        ..Payload::default()
    }
}

fn codec_error(error: impl std::error::Error + Send + Sync + 'static) -> PayloadConversionError {
    PayloadConversionError::EncodingError(Box::new(error))
}

impl PayloadCodec for Codec {
    fn encode(
        &self,
        _: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        let sealed = match self.histories {
            Histories::Plain => Ok(payloads),
            Histories::Sealed => payloads.iter().map(|payload| self.seal(payload)).collect(),
        };
        ready(sealed).boxed()
    }

    fn decode(
        &self,
        _: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        ready(
            payloads
                .into_iter()
                .map(|payload| self.open(payload))
                .collect(),
        )
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use temporalio_common::data_converters::{
        DataConverter, DefaultFailureConverter, PayloadConverter,
    };
    use vault::MasterKey;

    use super::*;

    fn vault(letter: &str) -> Vault {
        Vault::new(MasterKey::from_text(&format!("{}=", letter.repeat(43))).unwrap())
    }

    fn order() -> Payload {
        Payload {
            metadata: [(ENCODING.to_owned(), b"json/plain".to_vec())].into(),
            data: b"{\"transfer\":\"tr_1\"}".to_vec(),
            ..Payload::default()
        }
    }

    async fn encoded(codec: &Codec) -> Vec<Payload> {
        codec
            .encode(&SerializationContextData::None, vec![order()])
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn nothing_readable_leaves_and_everything_comes_back() {
        let codec = Codec::new(vault("A"), "default", Histories::Sealed).unwrap();
        let sealed = encoded(&codec).await;
        assert!(
            !sealed[0]
                .encode_to_vec()
                .windows(4)
                .any(|bytes| bytes == b"tr_1")
        );
        let opened = codec
            .decode(&SerializationContextData::None, sealed)
            .await
            .unwrap();
        assert_eq!(opened, [order()]);
    }

    #[tokio::test]
    async fn plain_histories_still_read_what_was_sealed() {
        let vault = vault("A");
        let sealed =
            encoded(&Codec::new(vault.clone(), "default", Histories::Sealed).unwrap()).await;
        let plain = Codec::new(vault, "default", Histories::Plain).unwrap();
        assert_eq!(encoded(&plain).await, [order()]);
        assert_eq!(
            plain
                .decode(&SerializationContextData::None, sealed)
                .await
                .unwrap(),
            [order()]
        );
    }

    #[tokio::test]
    async fn what_somebody_else_wrote_cannot_be_read() {
        let context = SerializationContextData::None;
        let forged = Payload {
            data: b"\"done\"".to_vec(),
            ..order()
        };
        let codec = |histories| Codec::new(vault("A"), "default", histories).unwrap();
        for (histories, read) in [(Histories::Plain, Some("done")), (Histories::Sealed, None)] {
            let converter = DataConverter::new(
                PayloadConverter::default(),
                DefaultFailureConverter::default(),
                codec(histories),
            );
            let text = converter
                .from_payload::<String>(&context, forged.clone())
                .await;
            assert_eq!(text.ok().as_deref(), read, "{histories:?}");
        }
        let mut mislabelled = order();
        mislabelled
            .metadata
            .insert(ENCODING.to_owned(), SEALED.to_vec());
        let opened = codec(Histories::Sealed).decode(&context, vec![mislabelled]);
        assert!(opened.await.is_err());
    }

    #[tokio::test]
    async fn another_installations_payload_is_an_error_and_no_panic() {
        let sealed = encoded(&Codec::new(vault("A"), "default", Histories::Sealed).unwrap()).await;
        let other = Codec::new(vault("Q"), "default", Histories::Sealed).unwrap();
        assert!(
            other
                .decode(&SerializationContextData::None, sealed.clone())
                .await
                .is_err()
        );

        let mut tampered = sealed;
        tampered[0].data.pop();
        assert!(
            other
                .decode(&SerializationContextData::None, tampered)
                .await
                .is_err()
        );
    }
}
