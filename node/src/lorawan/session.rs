//! A LoRaWAN session as the guard keeps it; the stack gets a copy for the length of one exchange.
use chirrup_protocol::ids::DevAddr;
use lorawan_device::mac::Session as StackSession;
use lorawan_device::{AppSKey, NewSKey};

/// Uplink counters from here on are not used: the stack stops at 2^32 - 1 in the middle of an exchange.
const LAST_FCNT_UP: u32 = 0xffff_0000;

/// Downlink counters that the stack accepts have 16 bits. With this few left the node should join again.
const FCNT_DOWN_MARGIN: u32 = 256;

/// Keys and counters of a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    /// In the order of the air, least significant byte first.
    pub dev_addr: [u8; 4],
    pub nwk_skey: [u8; 16],
    pub app_skey: [u8; 16],
    /// The next uplink's counter.
    pub next_fcnt_up: u32,
    /// The lowest counter that the next downlink may have, up to 65,536.
    pub next_fcnt_down: u32,
    /// A confirmed downlink came that the next uplink must acknowledge.
    pub ack_due: bool,
}

impl Session {
    /// What the stack derived from a JoinAccept.
    pub fn of_join(stack: &StackSession) -> Self {
        let mut dev_addr = [0; 4];
        dev_addr.copy_from_slice(stack.devaddr.as_ref());
        Self {
            dev_addr,
            nwk_skey: stack.newskey.inner().0,
            app_skey: stack.appskey.inner().0,
            next_fcnt_up: 0,
            next_fcnt_down: 0,
            ack_due: false,
        }
    }

    /// For the stack, to send one uplink with the next counter.
    pub fn to_stack(self) -> StackSession {
        let mut stack = StackSession::new(
            NewSKey::from(self.nwk_skey),
            AppSKey::from(self.app_skey),
            self.dev_addr.into(),
        );
        stack.fcnt_up = self.next_fcnt_up;
        stack.fcnt_down = self.next_fcnt_down.saturating_sub(1);
        if self.ack_due {
            stack.uplink.set_downlink_confirmation();
        }
        stack
    }

    pub fn dev_addr(&self) -> DevAddr {
        let [d, c, b, a] = self.dev_addr;
        DevAddr([a, b, c, d])
    }

    pub fn can_send(&self) -> bool {
        self.next_fcnt_up < LAST_FCNT_UP
    }

    pub fn is_worn_out(&self) -> bool {
        !self.can_send() || self.next_fcnt_down.saturating_add(FCNT_DOWN_MARGIN) > 0x1_0000
    }
}
