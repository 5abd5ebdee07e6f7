//! The vault: which key belongs to what, all of them reachable from the master key alone.

use std::sync::Arc;

use crate::key::{KEY_LENGTH, Key, VaultError};
use crate::{MasterKey, PublicKey, Signer, Zeroizing, sealed_with};

const PAYLOADS: &str = "payloads";
const SUBJECTS: &str = "subjects";
const SIGNATURES: &str = "signatures";
const LONGEST_SCOPE: usize = 128;

/// Clones share the master key.
#[derive(Clone, Debug)]
pub struct Vault {
    master: Arc<MasterKey>,
}

impl Vault {
    pub fn new(master: MasterKey) -> Self {
        Self {
            master: Arc::new(master),
        }
    }

    /// The id under which a scope's payloads are sealed from now on. It names the master key and
    /// the scope, so it stays readable after a rotation and says nothing secret.
    pub fn payload_key_id(&self, scope: &str) -> String {
        format!("{}/{scope}", self.master.newest().fingerprint())
    }

    /// The key behind such an id, of this or an earlier master key.
    pub fn payload_key(&self, id: &str) -> Result<Key, VaultError> {
        id.split_once('/')
            .filter(|(_, scope)| scope.len() <= LONGEST_SCOPE)
            .and_then(|(wanted, scope)| {
                let mut keys = self.master.all();
                let master = keys.find(|key| key.fingerprint().to_string() == wanted)?;
                Some(master.derive(PAYLOADS, scope))
            })
            .ok_or_else(|| VaultError::UnknownKeyId(id.chars().take(LONGEST_SCOPE).collect()))
    }

    /// Signs for one purpose, with the newest master key.
    pub fn signer(&self, purpose: &str) -> Result<Signer, VaultError> {
        Signer::derived(&self.master.newest().derive(SIGNATURES, purpose))
    }

    /// Whether a signature's key is ours: of this or an earlier master key.
    pub fn is_signer(&self, purpose: &str, public: &PublicKey) -> bool {
        self.master.all().any(|master| {
            Signer::derived(&master.derive(SIGNATURES, purpose))
                .is_ok_and(|signer| signer.public() == *public)
        })
    }

    /// A fresh random key for one subject, and its wrapped form for storage. It exists nowhere
    /// else: whoever deletes the wrapped form has erased all that was sealed with the key.
    pub fn new_subject_key(&self, owner: &str) -> Result<(Key, Vec<u8>), VaultError> {
        let key = Key::random()?;
        let wrapped = self
            .master
            .newest()
            .derive(SUBJECTS, owner)
            .seal(SUBJECTS, key.secret())?;
        Ok((key, wrapped))
    }

    /// Unwraps a subject's key. Another owner's wrapped key does not open.
    pub fn subject_key(&self, owner: &str, wrapped: &[u8]) -> Result<Key, VaultError> {
        let wanted = sealed_with(wrapped).ok_or(VaultError::Malformed)?;
        let wrapping = self
            .master
            .all()
            .map(|master| master.derive(SUBJECTS, owner))
            .find(|key| key.fingerprint() == wanted)
            .ok_or(VaultError::OtherKey {
                sealed_with: wanted,
            })?;
        let secret: [u8; KEY_LENGTH] = wrapping
            .open(SUBJECTS, wrapped)?
            .as_slice()
            .try_into()
            .map_err(|_wrong_length| VaultError::Malformed)?;
        Ok(Key::new(Zeroizing::new(secret)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotated() -> (Vault, Vault) {
        let old = MasterKey::generate().unwrap();
        let text = old.1.clone();
        let new = format!("{}\n{}", &*text, &*MasterKey::generate().unwrap().1);
        (
            Vault::new(old.0),
            Vault::new(MasterKey::from_text(&new).unwrap()),
        )
    }

    #[test]
    fn what_was_sealed_before_a_rotation_still_opens() {
        let (before, after) = rotated();
        let id = before.payload_key_id("pa_1/sandbox");
        let sealed = before
            .payload_key(&id)
            .unwrap()
            .seal("payload", b"order")
            .unwrap();
        let (subject, wrapped) = before.new_subject_key("pa_1/sandbox/us_1").unwrap();

        assert_eq!(
            &**after
                .payload_key(&id)
                .unwrap()
                .open("payload", &sealed)
                .unwrap(),
            b"order"
        );
        assert_ne!(after.payload_key_id("pa_1/sandbox"), id);
        let unwrapped = after.subject_key("pa_1/sandbox/us_1", &wrapped).unwrap();
        assert_eq!(unwrapped.fingerprint(), subject.fingerprint());
    }

    #[test]
    fn a_signer_is_known_after_a_rotation_and_for_its_purpose_alone() {
        let (before, after) = rotated();
        let old = before.signer("heads").unwrap().public();
        assert_ne!(after.signer("heads").unwrap().public(), old);
        assert!(after.is_signer("heads", &old));
        assert!(!after.is_signer("tails", &old));
        assert!(!before.is_signer("heads", &after.signer("heads").unwrap().public()));
    }

    #[test]
    fn scopes_and_owners_do_not_share_keys() {
        let (vault, _) = rotated();
        let id = vault.payload_key_id("pa_1/sandbox");
        let sealed = vault
            .payload_key(&id)
            .unwrap()
            .seal("payload", b"order")
            .unwrap();
        let foreign = vault
            .payload_key(&vault.payload_key_id("pa_2/sandbox"))
            .unwrap();
        assert!(matches!(
            foreign.open("payload", &sealed),
            Err(VaultError::OtherKey { .. })
        ));
        let (_, wrapped) = vault.new_subject_key("pa_1/sandbox/us_1").unwrap();
        assert!(matches!(
            vault.subject_key("pa_2/sandbox/us_1", &wrapped),
            Err(VaultError::OtherKey { .. })
        ));
    }

    #[test]
    fn an_unknown_key_id_is_an_error_of_its_own() {
        let (vault, _) = rotated();
        for id in ["", "/", "0123456789abcdef/pa_1/sandbox", &"é/".repeat(500)] {
            assert!(
                matches!(vault.payload_key(id), Err(VaultError::UnknownKeyId(_))),
                "{id}"
            );
        }
    }
}
