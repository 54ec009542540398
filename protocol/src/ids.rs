//! Identities of devices, gateways, tasks and frames' ports.
use core::fmt;

/// A device's EUI-64, most significant byte first (LoRaWAN 1.0.4, 6.1.1.2). On the air its bytes are reversed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DevEui(pub [u8; 8]);

impl DevEui {
    /// The EUI as a number, most significant byte first.
    pub const fn from_u64(value: u64) -> Self {
        Self(value.to_be_bytes())
    }
}

/// A gateway's EUI-64, most significant byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct GatewayId(pub [u8; 8]);

/// A device's address inside one network, most significant byte first (LoRaWAN 1.0.4, 6.1.1.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DevAddr(pub [u8; 4]);

/// A learning task. Four bits travel in every contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct TaskId(pub u8);

macro_rules! hex_display {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}
hex_display!(DevEui, GatewayId, DevAddr);

/// An identity was not written as the right number of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {need_digits} hexadecimal digits")]
pub struct ParseIdError {
    /// How many digits the identity has.
    pub need_digits: usize,
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], ParseIdError> {
    let error = ParseIdError { need_digits: 2 * N };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(error);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = (pair[0] as char).to_digit(16).ok_or(error)?;
        let low = (pair[1] as char).to_digit(16).ok_or(error)?;
        *byte = (high * 16 + low) as u8;
    }
    Ok(bytes)
}

impl core::str::FromStr for DevEui {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_hex(text).map(Self)
    }
}

impl core::str::FromStr for GatewayId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        parse_hex(text).map(Self)
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn an_eui_prints_and_parses_most_significant_byte_first() {
        let eui = DevEui::from_u64(0x0102_0304_0506_07ff);
        assert_eq!(eui.to_string(), "01020304050607ff");
        assert_eq!("01020304050607FF".parse(), Ok(eui));
        assert_eq!("0102".parse::<DevEui>(), Err(ParseIdError { need_digits: 16 }));
        assert_eq!("zz02030405060708".parse::<DevEui>(), Err(ParseIdError { need_digits: 16 }));
    }
}
