//! The LoRaWAN guard: Class A on EU868, US915 and AU915 through an unmodified `lorawan-device`, without that stack's
//! defects.
//!
//! [`Guard`] builds a fresh `Device` for every exchange (one join, or one uplink with its two receive windows) and
//! throws it away afterwards. Whatever must outlive an exchange therefore belongs to the guard alone: session,
//! counters, channels, receive windows, duty cycle. The stack encrypts, signs, opens its windows and decrypts.
//! Three thin wrappers stand between it and the world:
//!
//! ```text
//!            Guard ── one exchange ──> Device (lorawan-device, unmodified)
//!              │                          │          │           │
//!              │ plan, keys,           PhyRxTx     Timer      RngCore
//!              │ what came back           │          │           │
//!              └──────────────────────> Gate      Windows    DrawnNonce
//!                                         │          │
//!                                       radio      clock
//! ```
//!
//! - `gate`: every raw frame passes here. Up: the planned channel, the planned power, the pending MAC answers, and
//!   the last look at the duty cycle. Down: only a frame that is authentic, new, and a downlink gets through
//!   (`admission`), and without its MAC commands, which the stack cannot handle safely.
//! - `timer`: the network's RxDelay. `rng`: a counted DevNonce. `adr`: the ADR bits and the way back from silence.
//! - `airtime`, `dwell`: duty cycle of sub-bands, occupancy of channels.
//! - `link`, `mac`, `channels`: what network and node agreed on, and the commands that change it.
//! - [`Snapshot`]: what survives a power cut, stored through [`SnapshotStore`] *before* it is needed.
//!
//! What it deliberately does not do: Class B and C, ABP, other regions, retransmissions (NbTrans). The ADR bit is set
//! only where a network server shall decide ([`Adr`]); otherwise a node's data rate is advised end to end. No executor is assumed and no clock is read:
//! `now` is the protocol time of the call.
//!
//! `docs/lorawan-stack.md` lists each defect of the stack, how it is handled, and the tests that pin it.
mod admission;
mod adr;
mod airtime;
mod channels;
mod config;
mod counters;
pub mod driver;
mod dwell;
mod error;
mod frame;
mod gate;
mod guard;
mod link;
mod mac;
mod outcome;
mod rng;
mod session;
mod snapshot;
mod timer;

pub use adr::Adr;
pub use config::GuardConfig;
pub use counters::{Counters, Discarded, Traffic};
pub use error::{JoinError, RestoreError, SendError};
pub use guard::{Guard, Parts, Standing};
pub use outcome::{Acknowledgement, Confirmation, Downlink, Joined, Message, Sent, Signal};
pub use snapshot::{Snapshot, SnapshotError, SnapshotStore};
