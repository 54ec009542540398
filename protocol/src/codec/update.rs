//! The codecs of client updates under one name: which one a task asks for, and its encoder and decoder.
use crate::task::Form;
use core::fmt;
use core::str::FromStr;

/// A codec of client updates, with its parameter.
///
/// Its text is its name in configurations, such as `topk`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateCodec {
    /// [`super::topk`].
    TopK,
}

/// A form that asks for no codec of client updates, or for one with a parameter that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("codec {codec} with parameter {parameter} is none for updates")]
pub struct UnknownUpdateCodec {
    /// The codec's number.
    pub codec: u8,
    /// Its parameter.
    pub parameter: u8,
}

impl UpdateCodec {
    /// The names in configurations.
    pub const NAMES: &str = "topk";

    /// The form of contribution that this codec makes, with at most `max_bytes` of payload.
    pub const fn form(self, max_bytes: u8) -> Form {
        let (codec, parameter) = match self {
            Self::TopK => (1, 0),
        };
        Form { codec, parameter, max_bytes }
    }

    /// The codec that a form asks for.
    pub const fn of(form: Form) -> Result<Self, UnknownUpdateCodec> {
        match (form.codec, form.parameter) {
            (1, 0) => Ok(Self::TopK),
            (codec, parameter) => Err(UnknownUpdateCodec { codec, parameter }),
        }
    }
}

/// A name that no codec of client updates has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no codec of updates has this name; there are {}", UpdateCodec::NAMES)]
pub struct UnknownName;

impl fmt::Display for UpdateCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopK => f.write_str("topk"),
        }
    }
}

impl FromStr for UpdateCodec {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "topk" => Ok(Self::TopK),
            _ => Err(UnknownName),
        }
    }
}

#[cfg(feature = "std")]
impl serde::Serialize for UpdateCodec {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "std")]
impl<'de> serde::Deserialize<'de> for UpdateCodec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::string::String as serde::Deserialize>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
