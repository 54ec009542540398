//! The forms that contributions to a task may have: kind, codec and largest size.
use crate::message::{MessageError, port};
use crate::wire::{Reader, Writer};

/// Most forms that a task lists.
pub const MAX_FORMS: usize = 4;
/// Bytes of a form.
pub const FORM_BYTES: usize = 3;

/// What a contribution is, and so how it combines. Each kind has a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Kind {
    /// A compressed change of the global model.
    Update,
    /// Sums that add up exactly.
    Statistics,
    /// Centroids with counts.
    Prototypes,
    /// A whole small model.
    Model,
}

impl Kind {
    /// The port of its contributions.
    pub const fn port(self) -> u8 {
        match self {
            Self::Update => port::CONTRIBUTION,
            Self::Statistics => port::STATISTICS,
            Self::Prototypes => port::PROTOTYPES,
            Self::Model => port::MODEL,
        }
    }

    /// The kind that travels on a port, if contributions do.
    pub const fn of_port(fport: u8) -> Option<Self> {
        match fport {
            port::CONTRIBUTION => Some(Self::Update),
            port::STATISTICS => Some(Self::Statistics),
            port::PROTOTYPES => Some(Self::Prototypes),
            port::MODEL => Some(Self::Model),
            _ => None,
        }
    }
}

/// One form of contribution: a codec, its parameter, and the largest payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Form {
    /// The codec's number, as in `SPEC.md`.
    pub codec: u8,
    /// What the codec takes it for, such as bits a coordinate; zero where it has none.
    pub parameter: u8,
    /// Largest codec payload of a frame in bytes; a data rate may set a lower limit.
    pub max_bytes: u8,
}

impl Form {
    /// The kind that the codec's number belongs to; `None` for a number that no codec has.
    pub const fn kind(self) -> Option<Kind> {
        match self.codec {
            1..=15 => Some(Kind::Update),
            32..=34 => Some(Kind::Statistics),
            48 => Some(Kind::Prototypes),
            64..=66 => Some(Kind::Model),
            _ => None,
        }
    }
}

/// One to [`MAX_FORMS`] forms, the preferred one first. A node contributes in those that it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Forms {
    preferred: Form,
    others: [Option<Form>; MAX_FORMS - 1],
}

impl Forms {
    /// A single form.
    pub const fn one(form: Form) -> Self {
        Self { preferred: form, others: [None; MAX_FORMS - 1] }
    }

    /// Several forms, the preferred one first; `None` of none, or of too many.
    pub fn new(forms: &[Form]) -> Option<Self> {
        let (&preferred, rest) = forms.split_first()?;
        let mut all = Self::one(preferred);
        if rest.len() > all.others.len() {
            return None;
        }
        for (place, &form) in all.others.iter_mut().zip(rest) {
            *place = Some(form);
        }
        Some(all)
    }

    /// The forms, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = Form> + '_ {
        core::iter::once(self.preferred).chain(self.others.iter().flatten().copied())
    }

    /// The first form of a kind.
    pub fn of_kind(&self, kind: Kind) -> Option<Form> {
        self.iter().find(|form| form.kind() == Some(kind))
    }

    pub(super) fn emit(&self, writer: &mut Writer<'_>) -> Option<()> {
        self.iter().try_for_each(|form| writer.bytes(&[form.codec, form.parameter, form.max_bytes]))
    }

    pub(super) fn parse(reader: &mut Reader<'_>, count: u8) -> Result<Self, MessageError> {
        let mut forms = heapless::Vec::<Form, MAX_FORMS>::new();
        for _ in 0..count {
            let [codec, parameter, max_bytes] = reader.array().ok_or(MessageError::Truncated)?;
            let form = Form { codec, parameter, max_bytes };
            if form.kind().is_none() {
                return Err(MessageError::BadField { field: "codec" });
            }
            forms.push(form).map_err(|_| MessageError::BadField { field: "forms" })?;
        }
        Self::new(&forms).ok_or(MessageError::BadField { field: "forms" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPK: Form = Form { codec: 1, parameter: 0, max_bytes: 100 };
    const PROTOTYPES: Form = Form { codec: 48, parameter: 4, max_bytes: 207 };

    #[test]
    fn the_first_form_of_a_kind_is_found() {
        let forms = Forms::new(&[PROTOTYPES, TOPK, Form { codec: 12, ..TOPK }]).unwrap();
        assert_eq!(forms.of_kind(Kind::Update), Some(TOPK));
        assert_eq!(forms.of_kind(Kind::Prototypes), Some(PROTOTYPES));
        assert_eq!(forms.of_kind(Kind::Model), None);
        assert_eq!(forms.iter().count(), 3);
        assert_eq!(Forms::new(&[]), None);
        assert_eq!(Forms::new(&[TOPK; 5]), None);
    }

    #[test]
    fn each_kind_has_a_port_of_its_own() {
        for kind in [Kind::Update, Kind::Statistics, Kind::Prototypes, Kind::Model] {
            assert_eq!(Kind::of_port(kind.port()), Some(kind));
        }
        assert_eq!(Kind::of_port(port::STATUS), None);
    }

    #[test]
    fn forms_are_read_as_they_were_written() {
        let forms = Forms::new(&[PROTOTYPES, TOPK]).unwrap();
        let mut bytes = [0; 6];
        let mut writer = Writer::new(&mut bytes);
        forms.emit(&mut writer).unwrap();
        assert_eq!(bytes, [48, 4, 207, 1, 0, 100]);
        assert_eq!(Forms::parse(&mut Reader::new(&bytes), 2), Ok(forms));
        let refused = |bytes: &[u8], count| Forms::parse(&mut Reader::new(bytes), count).unwrap_err();
        assert_eq!(refused(&bytes, 3), MessageError::Truncated);
        assert_eq!(refused(&bytes, 0), MessageError::BadField { field: "forms" });
        assert_eq!(refused(&[1; 15], 5), MessageError::BadField { field: "forms" });
        assert_eq!(refused(&[99, 0, 0], 1), MessageError::BadField { field: "codec" });
    }
}
