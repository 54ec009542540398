//! What a node says of itself, once, on a way that its operator trusts.
//!
//! ```text
//! byte 0-7     DevEUI
//!      8-39    the node's Ed25519 public key
//!      40-71   the node's X25519 public key
//!      72-135  Ed25519 signature by the node's key over "chirrup enrolment" and bytes 0 to 71
//! ```
use super::agreement::{AgreementPublicKey, NodeKeys};
use super::{IdentityError, text};
use crate::ids::DevEui;
use crate::manifest::TrustAnchor;
use ed25519_dalek::{Signature, Signer};

/// Bytes of an enrolment.
pub const ENROLMENT_BYTES: usize = 136;
/// Characters of an enrolment as text.
pub const ENROLMENT_CHARACTERS: usize = text::characters(ENROLMENT_BYTES);
/// How an enrolment as text begins.
pub const PREFIX: &str = "CHIRRUP-E1:";

const SIGNED_BYTES: usize = ENROLMENT_BYTES - 64;
const LABEL: &[u8; 17] = b"chirrup enrolment";

/// A node's identity, as its own signature vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The node.
    pub dev_eui: DevEui,
    /// Verifies what the node signs.
    pub identity: TrustAnchor,
    /// The node's side of the agreement.
    pub agreement: AgreementPublicKey,
}

impl Enrolment {
    /// Writes and signs the enrolment of a node.
    pub fn sign(dev_eui: DevEui, keys: &NodeKeys) -> [u8; ENROLMENT_BYTES] {
        let mut bytes = [0; ENROLMENT_BYTES];
        bytes[..8].copy_from_slice(&dev_eui.0);
        bytes[8..40].copy_from_slice(&keys.identity().verifying_key().to_bytes());
        bytes[40..72].copy_from_slice(keys.agreement().public_key().as_bytes());
        let signature = keys.identity().sign(&labelled(&bytes));
        bytes[SIGNED_BYTES..].copy_from_slice(&signature.to_bytes());
        bytes
    }

    /// Reads an enrolment and checks its signature.
    pub fn verify(bytes: &[u8]) -> Result<Self, IdentityError> {
        let wrong_length =
            IdentityError::WrongLength { need_bytes: ENROLMENT_BYTES, have_bytes: bytes.len() };
        let bytes: &[u8; ENROLMENT_BYTES] = bytes.try_into().map_err(|_| wrong_length)?;
        let [dev_eui, identity, agreement, signature] = parts(bytes);
        let identity = TrustAnchor::new(array(identity)).ok_or(IdentityError::WeakKey)?;
        let signature = Signature::from_bytes(array(signature));
        if !identity.believes(&labelled(bytes), &signature) {
            return Err(IdentityError::BadSignature);
        }
        let agreement = AgreementPublicKey::new(*array(agreement));
        Ok(Self { dev_eui: DevEui(*array(dev_eui)), identity, agreement })
    }

    /// Reads an enrolment from text and checks its signature.
    pub fn verify_text(text: &str) -> Result<Self, IdentityError> {
        Self::verify(&text::read::<ENROLMENT_BYTES>(PREFIX, text)?)
    }
}

/// An enrolment as text, in the lent characters.
pub fn write_text<'t>(
    enrolment: &[u8; ENROLMENT_BYTES],
    text: &'t mut [u8; ENROLMENT_CHARACTERS],
) -> &'t str {
    text::write(PREFIX, enrolment, text)
}

/// DevEUI, Ed25519 key, X25519 key and signature.
fn parts(bytes: &[u8; ENROLMENT_BYTES]) -> [&[u8]; 4] {
    [&bytes[..8], &bytes[8..40], &bytes[40..72], &bytes[72..]]
}

fn array<const N: usize>(part: &[u8]) -> &[u8; N] {
    part.try_into().expect("the parts have the lengths of their table")
}

fn labelled(bytes: &[u8; ENROLMENT_BYTES]) -> [u8; LABEL.len() + SIGNED_BYTES] {
    let mut message = [0; LABEL.len() + SIGNED_BYTES];
    message[..LABEL.len()].copy_from_slice(LABEL);
    message[LABEL.len()..].copy_from_slice(&bytes[..SIGNED_BYTES]);
    message
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::identity::base45::Base45Error;
    use proptest::prelude::*;
    use std::format;
    use std::string::String;

    fn enrolment() -> [u8; ENROLMENT_BYTES] {
        Enrolment::sign(DevEui::from_u64(7), &NodeKeys::from_seed(&[9; 32]))
    }

    fn text_of(bytes: &[u8; ENROLMENT_BYTES]) -> String {
        write_text(bytes, &mut [0; ENROLMENT_CHARACTERS]).into()
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let whole = enrolment();
        assert_eq!(Enrolment::verify(&whole).unwrap().dev_eui, DevEui::from_u64(7));
        for bit in 0..ENROLMENT_BYTES * 8 {
            let mut altered = whole;
            altered[bit / 8] ^= 1 << (bit % 8);
            let error = Enrolment::verify(&altered).unwrap_err();
            let is_key = (8..40).contains(&(bit / 8));
            assert!(
                error == IdentityError::BadSignature || is_key && error == IdentityError::WeakKey,
                "bit {bit}: {error}"
            );
        }
        let short = IdentityError::WrongLength { need_bytes: 136, have_bytes: 135 };
        assert_eq!(Enrolment::verify(&whole[..135]), Err(short));
    }

    /// The key (0, 1) of order one verifies a signature of zeros with R = (0, 1) over anything, were it allowed.
    #[test]
    fn a_weak_key_cannot_vouch() {
        let mut forged = enrolment();
        let neutral: [u8; 32] = core::array::from_fn(|index| u8::from(index == 0));
        forged[8..40].copy_from_slice(&neutral);
        forged[72..104].copy_from_slice(&neutral);
        forged[104..].fill(0);
        assert_eq!(Enrolment::verify(&forged), Err(IdentityError::WeakKey));
    }

    #[test]
    fn text_survives_the_white_space_around_it_and_nothing_else() {
        let text = text_of(&enrolment());
        assert_eq!(text.len(), 215);
        let same = Enrolment::verify(&enrolment());
        assert_eq!(Enrolment::verify_text(&text), same);
        assert_eq!(Enrolment::verify_text(&format!(" \t{text}\r\n  ")), same);
        let wrong_length = |have_characters| Err(Base45Error::WrongLength { have_characters }.into());
        assert_eq!(Enrolment::verify_text(&text[..214]), wrong_length(203));
        assert_eq!(Enrolment::verify_text(&format!("{text}0")), wrong_length(205));
        let prefix = Err(IdentityError::WrongPrefix { prefix: PREFIX });
        assert_eq!(Enrolment::verify_text(&text.to_lowercase()), prefix);
        assert_eq!(Enrolment::verify_text(&text[1..]), prefix);
        let broken = format!("{}\n{}", &text[..40], &text[41..]);
        assert_eq!(
            Enrolment::verify_text(&broken),
            Err(Base45Error::UnknownCharacter { position: 29 }.into())
        );
    }

    proptest! {
        /// What a node signs is read again, and its text has no space at its end that a tool could cut off.
        #[test]
        fn what_is_signed_verifies(seed: [u8; 32], dev_eui: [u8; 8]) {
            let keys = NodeKeys::from_seed(&seed);
            let bytes = Enrolment::sign(DevEui(dev_eui), &keys);
            let text = text_of(&bytes);
            prop_assert_eq!(text.trim(), &text);
            let read = Enrolment::verify_text(&text).unwrap();
            prop_assert_eq!(read.dev_eui, DevEui(dev_eui));
            prop_assert_eq!(read.agreement, keys.agreement().public_key());
        }

        #[test]
        fn arbitrary_bytes_never_verify(bytes in proptest::collection::vec(any::<u8>(), 130..140), text: String) {
            prop_assert!(Enrolment::verify(&bytes).is_err());
            prop_assert!(Enrolment::verify_text(&text).is_err());
            let text = [PREFIX, &text].concat();
            prop_assert!(Enrolment::verify_text(&text).is_err());
        }
    }
}
