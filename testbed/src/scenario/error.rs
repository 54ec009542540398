//! What can be wrong with a scenario.
use super::parse::SECTIONS;
use crate::radio::tracks::TracksError;
use std::path::PathBuf;

/// A scenario cannot be run as it is written.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML; the message names line and column.
    #[error("not valid TOML: {0}")]
    Toml(#[from] toml::de::Error),
    /// An override is not of the form `section.key=value`.
    #[error("--set {0}: expected section.key=value")]
    BadOverride(String),
    /// A section that does not exist.
    #[error("unknown section [{section}]; allowed: {SECTIONS}")]
    UnknownSection {
        /// Its name.
        section: String,
    },
    /// A key that does not exist.
    #[error("unknown key {key}; allowed in this section: {allowed}")]
    UnknownKey {
        /// Section and key.
        key: String,
        /// Keys that exist beside it.
        allowed: String,
    },
    /// A value that the key cannot have.
    #[error("{key} = {value}: allowed is {allowed}")]
    BadValue {
        /// Section and key.
        key: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        allowed: String,
    },
    /// A key that another one makes necessary.
    #[error("{key} is needed with {because}")]
    MissingKey {
        /// Section and key.
        key: &'static str,
        /// The entry that needs it.
        because: &'static str,
    },
    /// The file of `radio.tracks` cannot be used.
    #[error("radio.tracks: {0}")]
    Tracks(#[from] TracksError),
    /// A section or key that another one leaves without a meaning.
    #[error("{what} has no meaning with {because}")]
    Meaningless {
        /// Section, or section and key.
        what: String,
        /// The entry beside which it means nothing.
        because: &'static str,
    },
    /// Planned, but not simulated by this version.
    #[error("{what} is not available yet; allowed now: {allowed}")]
    NotAvailable {
        /// Section, key or value.
        what: String,
        /// What may stand in its place.
        allowed: &'static str,
    },
}
