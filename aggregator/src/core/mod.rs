//! The aggregator without I/O: `handle(now, event)`, `poll_action()`, `next_deadline()`.
//!
//! Everything that changes its state is a [`Record`]. Handling an event means deciding which records follow, asking
//! the shell to append each to the ledger ([`Action::Append`]), and applying them; a restart applies the ledger, and
//! so does a replay anywhere else. Actions must be carried out in order: a receipt follows the records it rests on.
//!
//! ```text
//!             uplink                            deadline
//!               |                                  |
//!   open seal, check number, parse                |
//!               |                                  |
//!        Record::Frame ----> moments complete? --> Record::ScaleSettled  (publishes the task)
//!               |----------> buffer full? -------> Record::Closing       (publishes a version)
//!               |
//!   what does the node lack? --> chunk or control, sealed --> Receipt
//! ```
//! Modules in reading order: [`federation`] (configuration), [`ledger`] (records), [`intake`], [`frame_age`],
//! [`throttle`], [`moments`],
//! [`version`], [`strategy`], [`distribution`].
pub mod distribution;
pub mod exact_sum;
pub mod federation;
pub mod frame_age;
pub mod intake;
pub mod intervals;
pub mod ledger;
pub mod moments;
pub mod strategy;
pub mod throttle;
pub mod version;

mod answer;
mod machine;

pub use federation::Federation;
pub use intake::Reject;
pub use ledger::Record;
pub use machine::{Action, Aggregator, BASE_REACH, DeviceStanding, Event, VersionNote};
pub use version::Version;
