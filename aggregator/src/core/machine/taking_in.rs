//! Taking in a frame whose seal verified.
use super::Aggregator;
use crate::core::intake::{Advance, Opened, Reject};
use crate::core::strategy::to_fixed;
use crate::core::version::{Contribution, n_params};
use chirrup_protocol::backhaul::Uplink;
use chirrup_protocol::codec::update::UpdateCodec;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::moments::Moments;
use chirrup_protocol::message::status::Status;
use chirrup_protocol::message::{contribution, port};
use chirrup_protocol::seal::Counters;
use chirrup_protocol::task::{Kind, Task};
use chirrup_protocol::time::Instant;

impl Aggregator {
    pub(super) fn take_in(&mut self, now: Instant, uplink: &Uplink, opened: &Opened) {
        let device = self.devices.get_mut(&uplink.dev_eui).expect("its seal verified, so it is enrolled");
        if device.link.accept(now, opened.number) == Advance::Begins {
            device.down = Counters::restored(0);
        }
        device.last_heard = device.last_heard.max(Some(uplink.received_at));
        device.data_rate = Some(uplink.data_rate);
        device.quality.heard(uplink);
        if let Err(reason) = self.take_in_message(uplink, opened) {
            self.count(reason);
        }
    }

    fn take_in_message(&mut self, uplink: &Uplink, opened: &Opened) -> Result<(), Reject> {
        match uplink.fport {
            port::CONTRIBUTION => self.take_in_contribution(uplink.dev_eui, opened),
            port::STATUS => self.take_in_status(uplink.dev_eui, opened),
            port::MOMENTS => self.take_in_moments(uplink, &opened.message),
            _ => Err(Reject::UnknownPort),
        }
    }

    fn take_in_contribution(&mut self, dev_eui: DevEui, opened: &Opened) -> Result<(), Reject> {
        let message =
            contribution::Contribution::parse(&opened.message).map_err(|_| Reject::MalformedMessage)?;
        let current = self.current.as_ref().ok_or(Reject::OutOfSeason)?.number;
        if message.task != self.federation.task_id {
            return Err(Reject::WrongTask);
        }
        let base_version = message.base.at(current).ok_or(Reject::UnknownBase)?;
        if current - base_version > self.federation.cadence.max_staleness {
            return Err(Reject::TooStale);
        }
        let changes = decode_changes(dev_eui, &message, &self.federation.task)?;
        let device = self.devices.get_mut(&dev_eui).expect("its seal verified, so it is enrolled");
        let id = device.contribution_id(dev_eui, &message);
        if !device.contributions.insert(u64::from(id.sequence) * 16 + u64::from(id.block)) {
            return Err(Reject::Duplicate);
        }
        device.accepted += 1;
        if device.link.is_latest(opened.number) {
            device.holding.contributed(&self.registry, base_version);
        }
        self.waiting.insert(id, Contribution { base_version, examples: message.examples.get(), changes });
        Ok(())
    }

    fn take_in_status(&mut self, dev_eui: DevEui, opened: &Opened) -> Result<(), Reject> {
        let status = Status::parse(&opened.message).map_err(|_| Reject::MalformedMessage)?;
        let device = self.devices.get_mut(&dev_eui).expect("its seal verified, so it is enrolled");
        // What a backlog says of the past must not replace what a device said since.
        if device.link.is_latest(opened.number) {
            device.holding.update(&self.registry, &status);
            device.battery = Some(status.battery);
            if let Some(low) = status.downlinks_from {
                device.down.pass_over(low);
            }
        }
        if let Some(evaluation) = status.evaluation {
            let judged = self.notes.iter_mut().rev().find(|note| note.number as u8 == evaluation.version_low);
            if let Some(note) = judged {
                note.evaluated.0 += u64::from(evaluation.correct);
                note.evaluated.1 += u64::from(evaluation.total);
            }
        }
        Ok(())
    }

    fn take_in_moments(&mut self, uplink: &Uplink, message: &[u8]) -> Result<(), Reject> {
        let block = Moments::parse(message).map_err(|_| Reject::MalformedMessage)?;
        if !self.moments.fits(&block) {
            return Err(Reject::BadPayload);
        }
        if self.task.is_some() {
            return Err(Reject::OutOfSeason);
        }
        self.moments.add(uplink.dev_eui, &block);
        self.first_moments_at.get_or_insert(uplink.received_at);
        Ok(())
    }
}

/// The changes that a contribution says, ascending, without those that are zero.
fn decode_changes(
    dev_eui: DevEui,
    message: &contribution::Contribution<'_>,
    task: &Task,
) -> Result<Vec<(u32, i64)>, Reject> {
    let columns = usize::from(task.features) + 1;
    let form = task.forms.of_kind(Kind::Update).ok_or(Reject::UnknownPort)?;
    let codec = UpdateCodec::of(form).map_err(|_| Reject::BadPayload)?;
    let mut update = vec![0.0; n_params(task)];
    let mut scratch = vec![0.0; codec.scratch_len(update.len(), columns)];
    let said = codec
        .decode(message.payload, columns, message.seed(dev_eui), &mut scratch, &mut update)
        .map_err(|_| Reject::BadPayload)?;
    let changes = said.filter(|&index| update[index] != 0.0);
    let fixed = changes.map(|index| Some((index as u32, to_fixed(update[index])?)));
    fixed.collect::<Option<Vec<_>>>().ok_or(Reject::BadPayload)
}
