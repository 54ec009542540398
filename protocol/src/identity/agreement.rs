//! How node and aggregator agree on a device's secret without telling anybody: X25519 (RFC 7748), then HKDF-SHA-256
//! (RFC 5869).
//!
//! | bytes of HKDF's info | content |
//! | --- | --- |
//! | 0-20 | `chirrup device secret` |
//! | 21-28 | DevEUI |
//! | 29-60 | the node's X25519 public key |
//! | 61-92 | the aggregator's X25519 public key |
//! | 93-96 | generation, little-endian |
//!
//! The secret depends on everything that both sides must see alike: whoever exchanges a key on the way, or confuses
//! devices or generations, gets seals that do not open.
use super::aggregator_keys::AggregatorKeys;
use crate::ids::DevEui;
use crate::seal::DeviceSecret;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};

const NODE_LABEL: &[u8] = b"chirrup node keys";
const SECRET_LABEL: &[u8] = b"chirrup device secret";

/// An X25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgreementPublicKey([u8; 32]);

impl AgreementPublicKey {
    /// From its 32 bytes. Every string of bytes is one; what is of no use is found when it is used.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// An X25519 private key. Its debug form shows nothing.
#[derive(Clone)]
pub struct AgreementKey(StaticSecret);

/// The two private keys of a node.
#[derive(Clone)]
pub struct NodeKeys {
    identity: SigningKey,
    agreement: AgreementKey,
}

/// The other side's key gives a secret that everybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// The result does not depend on this side's key: the other side's is of small order (RFC 7748, 6.1).
    #[error("the X25519 key of the other side contributes nothing")]
    NotContributory,
}

/// Whom and which keys a secret is for.
#[derive(Clone, Copy, Debug)]
struct Parties {
    dev_eui: DevEui,
    node: AgreementPublicKey,
    aggregator: AgreementPublicKey,
    generation: u32,
}

impl core::fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AgreementKey(..)")
    }
}

impl core::fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("NodeKeys(..)")
    }
}

impl AgreementKey {
    /// From 32 bytes of full entropy; they are clamped when they are used (RFC 7748, 5).
    pub fn new(scalar: [u8; 32]) -> Self {
        Self(StaticSecret::from(scalar))
    }

    /// The key for the other side.
    pub fn public_key(&self) -> AgreementPublicKey {
        AgreementPublicKey(PublicKey::from(&self.0).to_bytes())
    }

    /// The aggregator's side: the secret of a device with this X25519 key, under keys of this generation.
    pub fn device_secret(
        &self,
        dev_eui: DevEui,
        node: AgreementPublicKey,
        generation: u32,
    ) -> Result<DeviceSecret, AgreementError> {
        let parties = Parties { dev_eui, node, aggregator: self.public_key(), generation };
        Ok(parties.secret(&self.agree(node)?))
    }

    fn agree(&self, other: AgreementPublicKey) -> Result<SharedSecret, AgreementError> {
        let shared = self.0.diffie_hellman(&PublicKey::from(other.0));
        if shared.was_contributory() { Ok(shared) } else { Err(AgreementError::NotContributory) }
    }
}

impl NodeKeys {
    /// Derives both keys from a node's root seed, 32 bytes of full entropy that no other node has.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut material = [0; 64];
        Hkdf::<Sha256>::new(None, seed)
            .expand(NODE_LABEL, &mut material)
            .expect("64 bytes are far below the limit of HKDF");
        let half = |start: usize| core::array::from_fn(|index| material[start + index]);
        Self { identity: SigningKey::from_bytes(&half(0)), agreement: AgreementKey::new(half(32)) }
    }

    /// Signs the enrolment.
    pub const fn identity(&self) -> &SigningKey {
        &self.identity
    }

    /// The node's side of the agreement.
    pub const fn agreement(&self) -> &AgreementKey {
        &self.agreement
    }

    /// The node's side: its secret under these keys.
    pub fn device_secret(
        &self,
        dev_eui: DevEui,
        keys: &AggregatorKeys,
    ) -> Result<DeviceSecret, AgreementError> {
        let (aggregator, generation) = (keys.agreement, keys.generation);
        let parties = Parties { dev_eui, node: self.agreement.public_key(), aggregator, generation };
        Ok(parties.secret(&self.agreement.agree(aggregator)?))
    }
}

impl Parties {
    fn secret(&self, shared: &SharedSecret) -> DeviceSecret {
        let generation = self.generation.to_le_bytes();
        let info: [&[u8]; 5] = [SECRET_LABEL, &self.dev_eui.0, &self.node.0, &self.aggregator.0, &generation];
        let mut secret = [0; 32];
        Hkdf::<Sha256>::new(None, shared.as_bytes())
            .expand_multi_info(&info, &mut secret)
            .expect("32 bytes are far below the limit of HKDF");
        DeviceSecret::new(secret)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::manifest::TrustAnchor;
    use proptest::prelude::*;

    const DEV_EUI: DevEui = DevEui::from_u64(7);

    fn keys_of(aggregator: &AgreementKey, generation: u32) -> AggregatorKeys {
        let root = TrustAnchor::of(&SigningKey::from_bytes(&[3; 32]));
        AggregatorKeys { agreement: aggregator.public_key(), root, generation }
    }

    /// Points of order 1, 2, 4 and 8 of the curve and its twist, and zero once more, as 2^255 - 19.
    #[test]
    fn a_key_that_contributes_nothing_is_refused() {
        let small = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        let (aggregator, node) = (AgreementKey::new([5; 32]), NodeKeys::from_seed(&[9; 32]));
        for point in small {
            let point = AgreementPublicKey::new(hex::decode(point).unwrap().try_into().unwrap());
            let refused = Err(AgreementError::NotContributory);
            assert_eq!(aggregator.device_secret(DEV_EUI, point, 0), refused, "{point:?}");
            let keys = AggregatorKeys { agreement: point, ..keys_of(&aggregator, 0) };
            assert_eq!(node.device_secret(DEV_EUI, &keys), refused, "{point:?}");
        }
    }

    #[test]
    fn another_device_generation_or_key_is_another_secret() {
        let (aggregator, node) = (AgreementKey::new([5; 32]), NodeKeys::from_seed(&[9; 32]));
        let secret = |dev_eui, generation| {
            aggregator.device_secret(dev_eui, node.agreement().public_key(), generation).unwrap()
        };
        let first = secret(DEV_EUI, 0);
        assert_ne!(first, secret(DevEui::from_u64(8), 0));
        assert_ne!(first, secret(DEV_EUI, 1));
        // RFC 7748 ignores the top bit of a key, so this is the same point: the derivation tells them apart.
        let mut twin = *node.agreement().public_key().as_bytes();
        twin[31] ^= 0x80;
        assert_ne!(first, aggregator.device_secret(DEV_EUI, AgreementPublicKey::new(twin), 0).unwrap());
    }

    proptest! {
        #[test]
        fn both_sides_agree(seed: [u8; 32], scalar: [u8; 32], dev_eui: [u8; 8], generation: u32) {
            let (aggregator, node) = (AgreementKey::new(scalar), NodeKeys::from_seed(&seed));
            let keys = keys_of(&aggregator, generation);
            let here = aggregator.device_secret(DevEui(dev_eui), node.agreement().public_key(), generation);
            prop_assert_eq!(here, node.device_secret(DevEui(dev_eui), &keys));
            prop_assert_eq!(std::format!("{:?}{:?}", aggregator, node), "AgreementKey(..)NodeKeys(..)");
        }
    }
}
