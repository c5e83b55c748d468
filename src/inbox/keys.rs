//! What a delivery must prove to be the forge's, and of which repository.
//!
//! Whoever administers a repository sees its hook's secret on the forge's page, and whoever has a secret can sign what they
//! like, such as that somebody else approved. So each repository's hook has a secret of its own, derived from the one of the
//! settings, which nobody can turn around; and a delivery speaks for the repository whose secret signed it.

use super::Refusal;
use crate::forge::RepositoryName;
use crate::issue::hex;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What the message that a repository's secret is derived from begins with; its name in lower case follows.
const PURPOSE: &str = "caretaker:";

/// The secrets of the hooks.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// What the secrets of hooks are derived from now.
    current: SecretString,
    /// What they were derived from before, while the hooks are being given the current ones.
    previous: Option<SecretString>,
    /// Whether the two count underived as well.
    shared: bool,
    /// What the header `Authorization` must say, where the hook is made to send one.
    authorization: Option<SecretString>,
}

impl From<SecretString> for Keys {
    fn from(current: SecretString) -> Self {
        Self { current, previous: None, shared: false, authorization: None }
    }
}

impl Keys {
    /// Takes what is signed with the secret from before as well.
    pub(crate) fn with_previous(self, previous: Option<SecretString>) -> Self {
        Self { previous, ..self }
    }

    /// Asks for this `Authorization` besides the signature.
    pub(crate) fn with_authorization(self, authorization: Option<SecretString>) -> Self {
        Self { authorization, ..self }
    }

    /// In constant time: both are hashed under a secret, and the hashes compared.
    pub(super) fn authorize(&self, header: Option<&str>) -> Result<(), Refusal> {
        let Some(expected) = &self.authorization else { return Ok(()) };
        let hash = |text: &str| mac(&self.current, text.as_bytes());
        let expected = hash(expected.expose_secret()).finalize().into_bytes();
        hash(header.unwrap_or_default()).verify_slice(&expected).map_err(|_| Refusal::Authorization)
    }

    /// Takes what is signed with the secret of the settings itself as well. Only where one repository is looked after and no
    /// other can come: then no hook of another one has it.
    pub(crate) fn with_shared(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// The secret of a repository's hook.
    pub(crate) fn of_repository(&self, repository: &RepositoryName) -> SecretString {
        derived(&self.current, &repository.to_string())
    }

    /// In constant time over the raw bytes, and always under each of our secrets. A repository is believed when it is named by
    /// what is signed: other names give other secrets.
    pub(super) fn verify(
        &self,
        signature: Option<&str>,
        payload: &[u8],
        repository: Option<&str>,
    ) -> Result<(), Refusal> {
        let signature = signature.filter(|text| !text.is_empty()).ok_or(Refusal::NotSigned)?;
        let claimed = from_hex(signature).ok_or(Refusal::WrongSignature)?;
        let signed_with = |secret: &SecretString| mac(secret, payload).verify_slice(&claimed).is_ok();
        let (mut good, mut shared, mut old) = (false, false, false);
        for (secret, is_old) in [(Some(&self.current), false), (self.previous.as_ref(), true)] {
            let Some(secret) = secret else { continue };
            let own = repository.is_some_and(|name| signed_with(&derived(secret, name)));
            let bare = signed_with(secret);
            good |= own;
            shared |= bare;
            old |= is_old && (own || bare);
        }
        if old {
            tracing::info!(
                "a delivery is signed with the previous secret; the hook has not been given the current one"
            );
        }
        match (good || (shared && self.shared), shared) {
            (true, _) => Ok(()),
            (false, true) => Err(Refusal::SharedSecret),
            (false, false) => Err(Refusal::WrongSignature),
        }
    }
}

/// The secret of a repository's hook: nothing is learnt from it about the one that it is derived from, nor about another's.
/// Forges compare names without case.
fn derived(secret: &SecretString, repository: &str) -> SecretString {
    let message = format!("{PURPOSE}{}", repository.to_ascii_lowercase());
    SecretString::from(hex(&mac(secret, message.as_bytes()).finalize().into_bytes()))
}

fn mac(secret: &SecretString, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(bytes);
    mac
}

/// Reads hexadecimal digits.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Keys, from_hex, mac};
    use crate::inbox::Refusal;
    use crate::issue::hex;
    use hmac::Mac;
    use secrecy::{ExposeSecret, SecretString};

    #[test]
    fn a_repositorys_secret_is_its_own_in_whatever_case_it_is_spelt() {
        // printf %s caretaker:ops/homelab | openssl dgst -sha256 -hmac "a secret"
        for (secret, name, expected) in [
            ("a secret", "ops/homelab", "27c1dbe56c6a5fdd972d8724b6c47022b6f0bc987d1ae0ab27c7161326ebed27"),
            ("a secret", "Ops/HomeLab", "27c1dbe56c6a5fdd972d8724b6c47022b6f0bc987d1ae0ab27c7161326ebed27"),
            ("a secret", "ops/garden", "0b66c3fe0d6b06a0ac98fe976202b736818e1cfc367585c97482e185d972b9da"),
            ("another", "ops/homelab", "a69d80bf8e4340d25c38a8ffb9671a3c9b81405095cd0cf6afb253ba01593910"),
        ] {
            let keys = Keys::from(SecretString::from(secret));
            assert_eq!(
                keys.of_repository(&name.parse().unwrap()).expose_secret(),
                expected,
                "{secret} {name}"
            );
        }
    }

    #[test]
    fn a_delivery_speaks_for_the_repository_whose_secret_signed_it() {
        let secret = |text: &str| SecretString::from(text.to_owned());
        let of = |text: &str, name: &str| Keys::from(secret(text)).of_repository(&name.parse().unwrap());
        let keys = Keys::from(secret("new")).with_previous(Some(secret("old")));
        let payload = b"{}";
        let word = |keys: &Keys, signed_with: &SecretString, named: Option<&str>| {
            let signature = hex(&mac(signed_with, payload).finalize().into_bytes());
            match keys.verify(Some(&signature), payload, named) {
                Ok(()) => "taken",
                Err(Refusal::SharedSecret) => "shared",
                Err(Refusal::WrongSignature) => "wrong",
                Err(other) => panic!("{other}"),
            }
        };
        for (signed_with, named, among_several, alone) in [
            (of("new", "ops/a"), Some("ops/a"), "taken", "taken"),
            (of("new", "ops/a"), Some("Ops/A"), "taken", "taken"),
            (of("old", "ops/a"), Some("ops/a"), "taken", "taken"),
            (of("new", "ops/b"), Some("ops/a"), "wrong", "wrong"),
            (of("old", "ops/b"), Some("ops/a"), "wrong", "wrong"),
            (of("new", "ops/a"), None, "wrong", "wrong"),
            (of("older", "ops/a"), Some("ops/a"), "wrong", "wrong"),
            (secret("new"), Some("ops/a"), "shared", "taken"),
            (secret("old"), Some("ops/a"), "shared", "taken"),
            (secret("new"), None, "shared", "taken"),
            (secret("older"), Some("ops/a"), "wrong", "wrong"),
            (secret(""), Some("ops/a"), "wrong", "wrong"),
        ] {
            let signed = signed_with.expose_secret();
            assert_eq!(word(&keys, &signed_with, named), among_several, "{signed} {named:?}");
            let keys = keys.clone().with_shared(true);
            assert_eq!(word(&keys, &signed_with, named), alone, "{signed} {named:?}, alone");
        }
    }

    #[test]
    fn hexadecimal_digits_are_read_and_nothing_else() {
        assert_eq!(from_hex("00fFa0"), Some(vec![0, 255, 160]));
        for text in ["0", "0g", "  ", "é0", "+1", "sha256=00"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn authorization_is_asked_for_only_where_one_is_set() {
        let keys = || Keys::from(SecretString::from("a secret"));
        for header in [None, Some(""), Some("Bearer anything")] {
            assert!(keys().authorize(header).is_ok(), "{header:?}");
        }
        let keys = keys().with_authorization(Some(SecretString::from("Bearer right")));
        assert!(keys.authorize(Some("Bearer right")).is_ok());
        for header in [None, Some(""), Some("Bearer righ"), Some("Bearer right "), Some("bearer right")] {
            assert!(matches!(keys.authorize(header), Err(Refusal::Authorization)), "{header:?}");
        }
    }
}
