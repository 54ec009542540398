//! Who is who: enrolment, agreement on a device's secret, succession of keys, and revocation.
//!
//! ```text
//! node                          operator, by hand, cable or camera            aggregator
//!  |  root seed -> two keys                                                        |
//!  |------------- enrolment: DevEUI, public keys, self-signature ----------------->|
//!  |<------------ welcome: public keys of aggregator and root, generation ---------|
//!  |                                                                               |
//!  |  X25519, HKDF -> device secret          the same          X25519, HKDF -> ... |
//!  |<===================== sealed frames under it, see `seal` ====================>|
//!  |<------------ keys object, signed by the present root: next generation --------|
//! ```
//! Nothing here draws a random number: seeds and scalars enter as bytes. Nothing here stores anything either; who
//! keeps which key, and when a node begins to use a generation, is for node and aggregator to decide.
//!
//! Modules in reading order: [`base45`], [`text`]; [`enrolment`], [`aggregator_keys`]; [`agreement`]; [`revocation`].
pub mod aggregator_keys;
pub mod agreement;
pub mod base45;
pub mod enrolment;
pub mod revocation;
pub mod text;

pub use aggregator_keys::{AggregatorKeys, KEYS_OBJECT_BYTES, SuccessionError, WELCOME_BYTES};
pub use agreement::{AgreementError, AgreementKey, AgreementPublicKey, NodeKeys};
pub use enrolment::{ENROLMENT_BYTES, Enrolment};

/// An enrolment or a welcome was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum IdentityError {
    /// Another number of bytes.
    #[error("needs {need_bytes} bytes, there are {have_bytes}")]
    WrongLength {
        /// Bytes of the record.
        need_bytes: usize,
        /// Bytes that there are.
        have_bytes: usize,
    },
    /// The text does not begin as this record does.
    #[error("the text does not begin with `{prefix}`")]
    WrongPrefix {
        /// How it should begin.
        prefix: &'static str,
    },
    /// The text is no base45, or not as long as the record.
    #[error(transparent)]
    NotBase45(#[from] base45::Base45Error),
    /// An Ed25519 key that is no point of the curve, or of small order.
    #[error("weak or invalid Ed25519 key")]
    WeakKey,
    /// The signature is not that of the key in the record.
    #[error("signature does not verify")]
    BadSignature,
}
