//! What a delivery must prove to be the forge's.

use super::Refusal;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The secrets of the hook.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// What signs deliveries now.
    current: SecretString,
    /// What signed them before, while the hook is being given the current one.
    previous: Option<SecretString>,
    /// What the header `Authorization` must say, where the hook is made to send one.
    authorization: Option<SecretString>,
}

impl From<SecretString> for Keys {
    fn from(current: SecretString) -> Self {
        Self { current, previous: None, authorization: None }
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

    /// In constant time over the raw bytes, and always under both secrets.
    pub(super) fn verify(&self, signature: Option<&str>, payload: &[u8]) -> Result<(), Refusal> {
        let signature = signature.filter(|text| !text.is_empty()).ok_or(Refusal::NotSigned)?;
        let claimed = from_hex(signature).ok_or(Refusal::WrongSignature)?;
        let under = |secret: &SecretString| mac(secret, payload).verify_slice(&claimed).is_ok();
        let current = under(&self.current);
        let previous = self.previous.as_ref().is_some_and(under);
        if previous && !current {
            tracing::info!(
                "a delivery is signed with the previous secret; the hook has not been given the current one"
            );
        }
        if current | previous { Ok(()) } else { Err(Refusal::WrongSignature) }
    }
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
    use super::{Keys, from_hex};
    use crate::inbox::Refusal;
    use secrecy::SecretString;

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
