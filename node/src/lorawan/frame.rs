//! Raw data frames (LoRaWAN 1.0.4, 4): a checked view, and the two changes that the guard makes to them.
use heapless::Vec;
use lorawan::default_crypto::DefaultFactory;
use lorawan::keys::{AES128, CryptoFactory, Mac};
use lorawan::parser::{DataHeader, EncryptedDataPayload, FRMPayload};

/// The longest PHY payload that LoRa carries.
pub(super) const MAX_PHY_BYTES: usize = 255;

/// The longest FOpts.
pub(super) const MAX_FOPTS_BYTES: usize = 15;

const FCTRL: usize = 5;
const FOPTS: usize = 8;
const MIC_BYTES: usize = 4;

/// Who a data frame comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// A PHY payload that is a well-formed data frame of LoRaWAN R1. Its MIC is not yet checked.
///
/// ```text
/// MHDR 1 | DevAddr 4 | FCtrl 1 | FCnt 2 | FOpts 0..15 | FPort 0..1 | FRMPayload | MIC 4
/// ```
#[derive(Clone, Copy)]
pub(super) struct DataFrame<'a>(&'a [u8]);

impl<'a> DataFrame<'a> {
    pub fn parse(phy: &'a [u8]) -> Option<Self> {
        let long_enough = phy.len() >= FOPTS + MIC_BYTES && phy.len() <= MAX_PHY_BYTES;
        let frame = Self(phy);
        let well_formed =
            long_enough && phy[0] & 0b11 == 0 && matches!(phy[0] >> 5, 2..=5) && frame.fopts_fit();
        well_formed.then_some(frame)
    }

    fn fopts_fit(&self) -> bool {
        self.after_fopts() + MIC_BYTES <= self.0.len()
    }

    fn after_fopts(&self) -> usize {
        FOPTS + usize::from(self.0[FCTRL] & 0x0f)
    }

    pub fn direction(&self) -> Direction {
        // MType: 2 and 4 are uplinks, 3 and 5 downlinks.
        if self.0[0] & 0x20 == 0 { Direction::Up } else { Direction::Down }
    }

    /// In the order of the air, least significant byte first.
    pub fn dev_addr(&self) -> [u8; 4] {
        [self.0[1], self.0[2], self.0[3], self.0[4]]
    }

    pub fn ack(&self) -> bool {
        self.0[FCTRL] & 0x20 != 0
    }

    /// FPending; only a downlink has it.
    pub fn more_pending(&self) -> bool {
        self.0[FCTRL] & 0x10 != 0
    }

    pub fn fcnt(&self) -> u16 {
        u16::from_le_bytes([self.0[6], self.0[7]])
    }

    pub fn fopts(&self) -> &'a [u8] {
        &self.0[FOPTS..self.after_fopts()]
    }

    pub fn fport(&self) -> Option<u8> {
        let at = self.after_fopts();
        (at + MIC_BYTES < self.0.len()).then(|| self.0[at])
    }

    pub fn mic_is_valid(&self, nwk_skey: &AES128, fcnt: u32) -> bool {
        let (signed, mic) = self.0.split_at(self.0.len() - MIC_BYTES);
        data_mic(nwk_skey, signed, fcnt) == mic
    }
}

/// The MAC commands of an authentic downlink, from FOpts or decrypted from FPort 0. Commands beyond the capacity
/// are cut off: the answers to fewer than that fill an uplink's FOpts.
pub(super) fn mac_commands<const N: usize>(phy: &[u8], nwk_skey: &AES128) -> Vec<u8, N> {
    let mut commands = Vec::new();
    let Some(frame) = DataFrame::parse(phy) else { return commands };
    commands.extend(frame.fopts().iter().copied().take(N));
    if frame.fport() == Some(0) {
        let mut copy: Vec<u8, MAX_PHY_BYTES> = phy.iter().copied().collect();
        let decrypted =
            EncryptedDataPayload::new_with_factory(copy.as_mut_slice(), DefaultFactory).and_then(|frame| {
                let fcnt = u32::from(frame.fhdr().fcnt());
                frame.decrypt(Some(nwk_skey), None, fcnt)
            });
        if let Ok(decrypted) = decrypted
            && let FRMPayload::MACCommands(encrypted) = decrypted.frm_payload()
        {
            let room = N - commands.len();
            commands.extend(encrypted.data().iter().copied().take(room));
        }
    }
    commands
}

/// Takes FOpts, and everything on FPort 0, out of a data frame and signs it anew. Returns its new length.
///
/// `phy` holds a frame that [`DataFrame::parse`] accepts; FOpts are not encrypted in LoRaWAN 1.0, so that the rest
/// stays valid.
pub(super) fn strip_mac_commands(phy: &mut [u8], nwk_skey: &AES128, fcnt: u32) -> usize {
    let Some(frame) = DataFrame::parse(phy) else { return 0 };
    let rest = match frame.fport() {
        Some(0) => phy.len() - MIC_BYTES,
        _ => frame.after_fopts(),
    };
    phy.copy_within(rest..phy.len() - MIC_BYTES, FOPTS);
    phy[FCTRL] &= 0xf0;
    let signed_bytes = phy.len() - MIC_BYTES - (rest - FOPTS);
    let mic = data_mic(nwk_skey, &phy[..signed_bytes], fcnt);
    phy[signed_bytes..signed_bytes + MIC_BYTES].copy_from_slice(&mic);
    signed_bytes + MIC_BYTES
}

/// Sets bits of FCtrl, puts MAC answers into a data frame that has no FOpts, and signs it anew. `None` if it becomes
/// too long.
pub(super) fn with_mac(
    phy: &[u8],
    fctrl: u8,
    fopts: &[u8],
    nwk_skey: &AES128,
    fcnt: u32,
) -> Option<Vec<u8, MAX_PHY_BYTES>> {
    DataFrame::parse(phy).filter(|frame| frame.fopts().is_empty() && fopts.len() <= MAX_FOPTS_BYTES)?;
    let mut longer = Vec::from_slice(&phy[..FOPTS]).ok()?;
    longer[FCTRL] |= fctrl & 0xf0 | fopts.len() as u8;
    longer.extend_from_slice(fopts).ok()?;
    longer.extend_from_slice(&phy[FOPTS..phy.len() - MIC_BYTES]).ok()?;
    let mic = data_mic(nwk_skey, &longer, fcnt);
    longer.extend_from_slice(&mic).ok()?;
    Some(longer)
}

/// The MIC of a data frame (LoRaWAN 1.0.4, 4.4): CMAC over block B0 and the frame.
fn data_mic(nwk_skey: &AES128, signed: &[u8], fcnt: u32) -> [u8; 4] {
    let mut b0 = [0; 16];
    b0[0] = 0x49;
    b0[5] = (signed[0] & 0x20) >> 5;
    b0[6..10].copy_from_slice(&signed[1..5]);
    b0[10..14].copy_from_slice(&fcnt.to_le_bytes());
    b0[15] = signed.len() as u8;
    let mut mac = DefaultFactory.new_mac(nwk_skey);
    mac.input(&b0);
    mac.input(signed);
    let cmac = mac.result();
    [cmac[0], cmac[1], cmac[2], cmac[3]]
}
