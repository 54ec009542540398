//! What a federation must satisfy before the core may run it, whether an operator wrote it or a file brought it.
//! Inside these bounds nothing in the core overflows, allocates without measure, or publishes what no node can take.
use crate::core::federation::{Cadence, DataRateAdvice, ScaleSource};
use crate::core::strategy::{Strategy, fedbuff::FedBuff};
use crate::core::{BASE_REACH, Federation};
use chirrup_protocol::codec::linear;
use chirrup_protocol::ids::DevEui;
use chirrup_protocol::message::{chunk, contribution};
use chirrup_protocol::object::{CHUNK_BYTES, MAX_OBJECT_BYTES};
use chirrup_protocol::region::{Region, UnknownDataRate};
use chirrup_protocol::seal;
use chirrup_protocol::task::{Learner, Task};
use chirrup_protocol::time::Duration;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Ten years.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A federation that the core must not be given. Fields are named as in the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FederationError {
    /// A number outside its range.
    #[error("`{field}` is {value}, must be {lowest} to {highest}")]
    OutOfRange {
        /// Which one.
        field: &'static str,
        /// The number.
        value: String,
        /// The least allowed.
        lowest: String,
        /// The greatest allowed.
        highest: String,
    },
    /// A lower bound above its upper bound.
    #[error("`{low}` is greater than `{high}`")]
    Inverted {
        /// The lower bound's name.
        low: &'static str,
        /// The upper bound's name.
        high: &'static str,
    },
    /// An object that does not fit the chunks it travels in.
    #[error("the {what} needs {need_bytes} bytes, an object has at most {have_bytes}")]
    ObjectTooLarge {
        /// Task or model.
        what: &'static str,
        /// Its size.
        need_bytes: usize,
        /// The limit.
        have_bytes: usize,
    },
    /// A schema with more or fewer entries than features.
    #[error("the schema has {have} entries, `task.features` is {need}")]
    SchemaLength {
        /// Entries.
        have: usize,
        /// Features.
        need: usize,
    },
    /// A schema entry that is infinite or not a number.
    #[error("entry {feature} of the schema is not finite")]
    SchemaEntry {
        /// Which feature, from zero.
        feature: usize,
    },
    /// A region that nodes do not run in.
    #[error("`downlink.region` is {region}, nodes run in EU868, US915 and AU915 only")]
    Region {
        /// The region asked for.
        region: Region,
    },
    /// A data rate that the region does not have.
    #[error("`{field}`: {error}")]
    DataRate {
        /// Which setting.
        field: &'static str,
        /// What the region says.
        error: UnknownDataRate,
    },
    /// Versions may follow each other so fast that the ten bits which a contribution says of its base version could
    /// mean two of them.
    #[error(
        "{reach} versions take at least {have_s} s (`cadence.min_interval_s` times {reach}), must be at least {need_s} s: \
         `task.object_lifetime_days` and `cadence.max_frame_age_days` together"
    )]
    CadenceTooFast {
        /// Versions between two with the same bits.
        reach: u32,
        /// How long they take at least.
        have_s: u64,
        /// How long frames that name the older one may come.
        need_s: u64,
    },
    /// A device twice.
    #[error("device {0} is enrolled twice")]
    DuplicateDevice(DevEui),
}

/// Checks everything.
pub fn check(federation: &Federation) -> Result<(), FederationError> {
    within("task.id", federation.task_id.0, 0..=15)?;
    check_task(&federation.task)?;
    check_scale(&federation.scale, federation.task.features.into())?;
    check_sizes(&federation.task, federation.model_bits)?;
    check_strategy(&federation.strategy)?;
    check_cadence(&federation.cadence)?;
    let least = CHUNK_BYTES + chunk::HEADER_BYTES + seal::OVERHEAD_BYTES;
    let most = seal::MAX_MESSAGE_BYTES + seal::OVERHEAD_BYTES;
    within("downlink bytes", federation.downlink_bytes, least..=most)?;
    within_time("object_lifetime", federation.object_lifetime, Duration::from_secs(1))?;
    within_time("cadence.max_frame_age_days", federation.max_frame_age, Duration::from_secs(1))?;
    check_base_versions(federation)?;
    federation.data_rate_advice.iter().try_for_each(check_advice)?;
    let mut seen = BTreeSet::new();
    match federation.devices.iter().find(|device| !seen.insert(device.dev_eui)) {
        Some(twice) => Err(FederationError::DuplicateDevice(twice.dev_eui)),
        None => Ok(()),
    }
}

fn check_task(task: &Task) -> Result<(), FederationError> {
    let Learner::Softmax { learning_rate, l2 } = task.learner;
    within("task.features", task.features, 1..=u16::MAX)?;
    within("task.classes", task.classes, 2..=u16::MAX)?;
    within("task.learner.learning_rate", learning_rate, 1e-6..=1e3)?;
    within("task.learner.l2", l2, 0.0..=10.0)?;
    let most_bytes = (seal::MAX_MESSAGE_BYTES - contribution::HEADER_BYTES) as u8;
    for form in task.forms.iter() {
        within("task.max_contribution_bytes", form.max_bytes, 8..=most_bytes)?;
    }
    let rule = task.participation;
    within("task.participation.min_examples", rule.min_examples, 1..=u16::MAX)?;
    within("task.participation.max_per_version", rule.max_per_version, 1..=u8::MAX)?;
    within("task.participation.price_nats_per_s", rule.price_nats_per_s, 0.0..=1e6)?;
    ordered("task.participation.min_examples", "task.participation.max_examples", || {
        rule.min_examples <= rule.max_examples
    })
}

/// The task must fit with its scale in single precision: nobody knows yet what the moments will be.
fn check_sizes(task: &Task, model_bits: u8) -> Result<(), FederationError> {
    within("task.model_bits", model_bits, 2..=8)?;
    fits("task", Task::max_bytes(task.features.into()))?;
    let model_bytes = linear::encoded_bytes(task.classes.into(), usize::from(task.features) + 1, model_bits);
    fits("model", model_bytes)
}

fn check_scale(scale: &ScaleSource, features: usize) -> Result<(), FederationError> {
    match scale {
        ScaleSource::Schema(schema) if schema.len() != features => {
            Err(FederationError::SchemaLength { have: schema.len(), need: features })
        }
        ScaleSource::Schema(schema) => {
            let is_finite = |entry: &(f32, f32)| entry.0.is_finite() && entry.1.is_finite();
            match schema.iter().position(|entry| !is_finite(entry)) {
                Some(feature) => Err(FederationError::SchemaEntry { feature }),
                None => Ok(()),
            }
        }
        ScaleSource::Moments { devices, patience } => {
            within("scale.devices", *devices, 1..=1_000_000)?;
            within_time("scale.patience_s", *patience, Duration::ZERO)
        }
    }
}

fn check_strategy(strategy: &Strategy) -> Result<(), FederationError> {
    let Strategy::FedBuff(FedBuff { staleness_exponent, server_rate }) = *strategy;
    within("strategy.staleness_exponent", staleness_exponent, 0.0..=10.0)?;
    within("strategy.server_rate", server_rate, 1e-3..=100.0)
}

fn check_cadence(cadence: &Cadence) -> Result<(), FederationError> {
    within("cadence.buffer", cadence.buffer, 1..=4_096)?;
    // Contributions name the low eight bits of their base version.
    within("cadence.max_staleness", cadence.max_staleness, 0..=255)?;
    within_time("cadence.max_interval_s", cadence.max_interval, Duration::ZERO)?;
    ordered("cadence.min_interval_s", "cadence.max_interval_s", || {
        cadence.min_interval <= cadence.max_interval
    })
}

/// A version is in force until its successor closes, and its objects some time longer; frames made from it may be
/// under way longer still. By then no version may have the same low bits.
fn check_base_versions(federation: &Federation) -> Result<(), FederationError> {
    let reach = BASE_REACH - 1;
    let have = federation.cadence.min_interval.saturating_mul(reach.into());
    let need = federation.object_lifetime + federation.max_frame_age;
    if have >= need {
        return Ok(());
    }
    let seconds = |span: Duration| span.as_micros() / 1_000_000;
    Err(FederationError::CadenceTooFast { reach, have_s: seconds(have), need_s: seconds(need) })
}

fn check_advice(advice: &DataRateAdvice) -> Result<(), FederationError> {
    let region = advice.region;
    if !matches!(region, Region::Eu868 | Region::Us915 | Region::Au915) {
        return Err(FederationError::Region { region });
    }
    within("downlink.advice.margin_db", advice.margin_tenth_db, 0..=400)?;
    for (field, data_rate) in
        [("downlink.advice.lowest", advice.lowest), ("downlink.advice.highest", advice.highest)]
    {
        let known = region.modulation(data_rate);
        known.map_err(|error| FederationError::DataRate { field, error })?;
    }
    ordered("downlink.advice.lowest", "downlink.advice.highest", || advice.lowest <= advice.highest)
}

/// A number that is not one lies in no range.
fn within<T: PartialOrd + Display + Copy>(
    field: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), FederationError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (lowest, highest) = (range.start().to_string(), range.end().to_string());
    Err(FederationError::OutOfRange { field, value: value.to_string(), lowest, highest })
}

fn within_time(field: &'static str, span: Duration, least: Duration) -> Result<(), FederationError> {
    within(field, span.as_secs_f64(), least.as_secs_f64()..=LONGEST.as_secs_f64())
}

fn ordered(
    low: &'static str,
    high: &'static str,
    is_ordered: impl Fn() -> bool,
) -> Result<(), FederationError> {
    if is_ordered() { Ok(()) } else { Err(FederationError::Inverted { low, high }) }
}

fn fits(what: &'static str, need_bytes: usize) -> Result<(), FederationError> {
    let have_bytes = MAX_OBJECT_BYTES;
    if need_bytes <= have_bytes {
        Ok(())
    } else {
        Err(FederationError::ObjectTooLarge { what, need_bytes, have_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chirrup_protocol::region::DataRate;

    #[test]
    fn advice_for_a_region_without_nodes_is_refused_by_name() {
        let (lowest, highest) = (DataRate(0), DataRate(3));
        let advice = |region| DataRateAdvice { region, margin_tenth_db: 100, lowest, highest };
        assert_eq!(check_advice(&advice(Region::Eu868)), Ok(()));
        assert_eq!(check_advice(&advice(Region::Us915)), Ok(()));
        let refused = check_advice(&advice(Region::In865)).unwrap_err().to_string();
        assert_eq!(refused, "`downlink.region` is IN865, nodes run in EU868, US915 and AU915 only");
    }
}
