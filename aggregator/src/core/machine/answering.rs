//! Answering an uplink.
use super::{Action, Aggregator};
use crate::core::federation::ScaleSource;
use crate::core::ledger::Record;
use chirrup_protocol::backhaul::{Downlink, Uplink};
use chirrup_protocol::ble;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::control::{self, Control, MomentsWanted};
use chirrup_protocol::message::port;
use chirrup_protocol::seal;
use chirrup_protocol::time::Instant;

impl Aggregator {
    pub(super) fn answer(&mut self, now: Instant, uplink: &Uplink) -> Option<Downlink> {
        self.renew_manifests(now);
        let message_bytes = self.federation.downlink_bytes.checked_sub(seal::OVERHEAD_BYTES)?;
        let moments = self.moments_wanted(uplink.dev_eui);
        // A node that speaks BLE has no data rate.
        let rule = self.federation.data_rate_advice.filter(|_| uplink.data_rate != ble::DATA_RATE);
        let device = self.devices.get_mut(&uplink.dev_eui)?;
        // The answer goes out now, however long the uplink was under way.
        let time_s = Some(now.as_secs() as u32);
        let advice = rule.and_then(|rule| device.quality.advice(&rule, uplink.data_rate));
        if advice.is_some() {
            device.quality.advised();
        }
        let (fport, message) = if advice.is_some() || device.holding.awaits_time() {
            device.holding.told_time();
            (port::CONTROL, emit_control(&Control { time_s, data_rate: advice, moments, receipt: None }))
        } else if let Some(chunk) = device.holding.next_chunk(&self.registry, message_bytes) {
            let mut message = vec![0; message_bytes];
            let length = chunk.emit(&mut message).expect("the run of chunks was chosen to fit");
            message.truncate(length);
            (port::CHUNK, message)
        } else if moments == MomentsWanted::Yes || device.quality.wants_time(now) {
            (port::CONTROL, emit_control(&Control { time_s, data_rate: None, moments, receipt: None }))
        } else {
            return None;
        };
        Some(self.seal_downlink(uplink.dev_eui, fport, &message))
    }

    fn moments_wanted(&self, dev_eui: DevEui) -> MomentsWanted {
        match self.federation.scale {
            ScaleSource::Moments { .. } if self.task.is_none() && !self.moments.is_complete(dev_eui) => {
                MomentsWanted::Yes
            }
            _ => MomentsWanted::No,
        }
    }

    fn seal_downlink(&mut self, dev_eui: DevEui, fport: u8, message: &[u8]) -> Downlink {
        let device = self.devices.get_mut(&dev_eui).expect("only enrolled devices are answered");
        let counter = match device.down.take() {
            Some(counter) => counter,
            None => {
                let limit = device.down.wanted_limit();
                let epoch = device.link.epoch();
                self.actions.push_back(Action::Append(Record::DownlinkCounters { dev_eui, epoch, limit }));
                device.down.grant(limit);
                device.down.take().expect("a block was granted a moment ago")
            }
        };
        Downlink { dev_eui, fport, payload: device.link.seal(counter, fport, message) }
    }
}

fn emit_control(control: &Control) -> Vec<u8> {
    let mut message = vec![0; control::MAX_BYTES];
    let length = control.emit(&mut message).expect("the buffer holds the largest control message");
    message.truncate(length);
    message
}
