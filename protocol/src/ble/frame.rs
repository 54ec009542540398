//! A frame over BLE: the sealed frame, and what LoRaWAN would have said around it.
//!
//! ```text
//! up    byte 0-7   DevEUI, most significant byte first
//!            8     FPort, 1 to 223
//!            9..   sealed frame, 11 to 242 bytes
//!
//! down  byte 0     FPort, 1 to 223; 0: nothing to say
//!            1..   sealed frame, 11 to 242 bytes; absent with FPort 0
//! ```
//! The DevEUI says whose keys open the frame; the seal proves it. A connection says for whom a downlink is.
use crate::ids::DevEui;
use crate::seal::{MAX_MESSAGE_BYTES, OVERHEAD_BYTES};
use crate::wire::{Reader, Writer};

/// Bytes before the sealed frame of an uplink.
pub const UPLINK_HEADER_BYTES: usize = 9;
/// Bytes before the sealed frame of a downlink.
pub const DOWNLINK_HEADER_BYTES: usize = 1;
/// Largest sealed frame.
pub const MAX_SEALED_BYTES: usize = OVERHEAD_BYTES + MAX_MESSAGE_BYTES;
/// Largest frame either way.
pub const MAX_FRAME_BYTES: usize = UPLINK_HEADER_BYTES + MAX_SEALED_BYTES;

/// Ports above are not the application's (LoRaWAN 1.0.4, 4.3.2).
const LAST_FPORT: u8 = 223;

/// A frame up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UplinkFrame<'a> {
    /// Who sends it, as it says.
    pub dev_eui: DevEui,
    /// The port, which names the message inside.
    pub fport: u8,
    /// The sealed frame, 11 to 242 bytes.
    pub sealed: &'a [u8],
}

/// A frame down, the answer to a frame up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownlinkFrame<'a> {
    /// There is nothing to say.
    Nothing,
    /// A sealed frame.
    Sealed {
        /// The port, which names the message inside.
        fport: u8,
        /// The sealed frame, 11 to 242 bytes.
        sealed: &'a [u8],
    },
}

/// A frame could not be read, or not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It ends before its header does.
    #[error("a frame of {have_bytes} bytes, its header has {need_bytes}")]
    Truncated {
        /// Bytes of the header.
        need_bytes: usize,
        /// Bytes that there are.
        have_bytes: usize,
    },
    /// A port that is not the application's.
    #[error("FPort {fport}, expected 1 to {LAST_FPORT}")]
    ReservedPort {
        /// The port.
        fport: u8,
    },
    /// What it carries is no sealed frame.
    #[error("a sealed frame has {OVERHEAD_BYTES} to {MAX_SEALED_BYTES} bytes, this one {have_bytes}")]
    WrongLength {
        /// Bytes that there are.
        have_bytes: usize,
    },
    /// The lent buffer is too small.
    #[error("the frame does not fit {have_bytes} bytes")]
    DoesNotFit {
        /// Size of the buffer.
        have_bytes: usize,
    },
}

impl<'a> UplinkFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// Too short, a reserved port, or no sealed frame in it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let truncated = FrameError::Truncated { need_bytes: UPLINK_HEADER_BYTES, have_bytes: bytes.len() };
        let mut reader = Reader::new(bytes);
        let dev_eui = DevEui(reader.array().ok_or(truncated)?);
        let fport = reader.u8().ok_or(truncated)?;
        let sealed = reader.rest();
        check(fport, sealed)?;
        Ok(Self { dev_eui, fport, sealed })
    }

    /// Writes the frame and returns its length.
    ///
    /// # Errors
    /// What [`UplinkFrame::parse`] would refuse, or a buffer below [`MAX_FRAME_BYTES`] that does not hold it.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, FrameError> {
        check(self.fport, self.sealed)?;
        write(buffer, &[&self.dev_eui.0, &[self.fport], self.sealed])
    }
}

impl<'a> DownlinkFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// Empty, a reserved port, no sealed frame behind a port, or bytes behind none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        match bytes {
            [] => Err(FrameError::Truncated { need_bytes: DOWNLINK_HEADER_BYTES, have_bytes: 0 }),
            [0] => Ok(Self::Nothing),
            &[fport, ref sealed @ ..] => {
                check(fport, sealed)?;
                Ok(Self::Sealed { fport, sealed })
            }
        }
    }

    /// Writes the frame and returns its length.
    ///
    /// # Errors
    /// What [`DownlinkFrame::parse`] would refuse, or a buffer that does not hold it.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<usize, FrameError> {
        match *self {
            Self::Nothing => write(buffer, &[&[0]]),
            Self::Sealed { fport, sealed } => {
                check(fport, sealed)?;
                write(buffer, &[&[fport], sealed])
            }
        }
    }
}

fn check(fport: u8, sealed: &[u8]) -> Result<(), FrameError> {
    if !(1..=LAST_FPORT).contains(&fport) {
        return Err(FrameError::ReservedPort { fport });
    }
    if !(OVERHEAD_BYTES..=MAX_SEALED_BYTES).contains(&sealed.len()) {
        return Err(FrameError::WrongLength { have_bytes: sealed.len() });
    }
    Ok(())
}

fn write(buffer: &mut [u8], parts: &[&[u8]]) -> Result<usize, FrameError> {
    let does_not_fit = FrameError::DoesNotFit { have_bytes: buffer.len() };
    let mut writer = Writer::new(buffer);
    parts.iter().try_for_each(|part| writer.bytes(part)).ok_or(does_not_fit)?;
    Ok(writer.used())
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    const DEV_EUI: DevEui = DevEui::from_u64(0x70b3_d57e_d000_0001);

    #[test]
    fn the_bytes_are_as_specified() {
        let sealed = hex::decode("50701185fe191bfca01aaea7b53df22194").unwrap();
        let up = UplinkFrame { dev_eui: DEV_EUI, fport: 1, sealed: &sealed };
        let mut buffer = [0; MAX_FRAME_BYTES];
        let length = up.emit(&mut buffer).unwrap();
        let expected = "70b3d57ed0000001 01 50701185fe191bfca01aaea7b53df22194".replace(' ', "");
        assert_eq!(hex::encode(&buffer[..length]), expected);
        assert_eq!(UplinkFrame::parse(&hex::decode(expected).unwrap()), Ok(up));

        let sealed = hex::decode("400000fec8afe2cbacef0ab221583b").unwrap();
        let down = DownlinkFrame::Sealed { fport: 17, sealed: &sealed };
        let length = down.emit(&mut buffer).unwrap();
        assert_eq!(hex::encode(&buffer[..length]), "11400000fec8afe2cbacef0ab221583b");
        assert_eq!(DownlinkFrame::parse(&buffer[..length]), Ok(down));
        assert_eq!(DownlinkFrame::Nothing.emit(&mut buffer), Ok(1));
        assert_eq!(DownlinkFrame::parse(&buffer[..1]), Ok(DownlinkFrame::Nothing));
    }

    #[test]
    fn what_is_no_frame_is_refused_by_its_cause() {
        let truncated = |need_bytes, have_bytes| FrameError::Truncated { need_bytes, have_bytes };
        assert_eq!(UplinkFrame::parse(&[1; 8]), Err(truncated(9, 8)));
        assert_eq!(DownlinkFrame::parse(&[]), Err(truncated(1, 0)));
        assert_eq!(UplinkFrame::parse(&[0; 20]), Err(FrameError::ReservedPort { fport: 0 }));
        assert_eq!(DownlinkFrame::parse(&[224; 20]), Err(FrameError::ReservedPort { fport: 224 }));
        assert_eq!(DownlinkFrame::parse(&[0; 2]), Err(FrameError::ReservedPort { fport: 0 }));
        assert_eq!(UplinkFrame::parse(&[1; 19]), Err(FrameError::WrongLength { have_bytes: 10 }));
        assert_eq!(DownlinkFrame::parse(&[1; 244]), Err(FrameError::WrongLength { have_bytes: 243 }));
        let down = DownlinkFrame::Sealed { fport: 1, sealed: &[0; 11] };
        assert_eq!(down.emit(&mut [0; 11]), Err(FrameError::DoesNotFit { have_bytes: 11 }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_refused_or_read_and_written_alike(bytes: Vec<u8>) {
            let mut buffer = [0; MAX_FRAME_BYTES];
            if let Ok(frame) = UplinkFrame::parse(&bytes) {
                let length = frame.emit(&mut buffer).unwrap();
                prop_assert_eq!(&buffer[..length], &bytes[..]);
            }
            if let Ok(frame) = DownlinkFrame::parse(&bytes) {
                let length = frame.emit(&mut buffer).unwrap();
                prop_assert_eq!(&buffer[..length], &bytes[..]);
            }
        }
    }
}
