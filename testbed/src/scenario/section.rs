//! One section of a scenario: keys are taken out one by one, and what is left over is refused.
use super::ScenarioError;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use toml::{Table, Value};

/// A section that remembers which keys were asked for: those are the keys there are.
pub struct Section<'a> {
    name: &'static str,
    table: Option<&'a Table>,
    known: Vec<&'static str>,
}

/// What a key may hold that is either a name or a table.
#[derive(Clone, Debug, PartialEq)]
pub enum TextOrRows<const COLUMNS: usize> {
    /// Some text, not empty.
    Text(String),
    /// Rows of numbers, at least one.
    Rows(Vec<[f64; COLUMNS]>),
}

impl<'a> Section<'a> {
    /// The section `name`; one that the file leaves out has its defaults.
    pub fn of(scenario: &'a Table, name: &'static str) -> Result<Self, ScenarioError> {
        let table = match scenario.get(name) {
            None => None,
            Some(Value::Table(table)) => Some(table),
            Some(other) => return Err(bad(name, None, other, "a section")),
        };
        Ok(Self { name, table, known: Vec::new() })
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.table?.get(key)
    }

    fn bad(&self, key: &str, value: &Value, allowed: impl Display) -> ScenarioError {
        bad(self.name, Some(key), value, allowed)
    }

    /// A number within `range`.
    pub fn number(
        &mut self,
        key: &'static str,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Result<f64, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        let number = match value {
            Value::Float(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            self.bad(key, value, format_args!("a number from {} to {}", range.start(), range.end()))
        })
    }

    /// A number within `range`, if the key is there.
    pub fn optional_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, ScenarioError> {
        let is_there = self.table.is_some_and(|table| table.contains_key(key));
        let number = self.number(key, *range.start(), range)?;
        Ok(is_there.then_some(number))
    }

    /// A list of sections, each to be read and finished by itself; `name` is section and key.
    pub fn tables(&mut self, key: &'static str, name: &'static str) -> Result<Vec<Self>, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let section = |table| Self { name, table: Some(table), known: Vec::new() };
        let tables: Option<Vec<_>> = value
            .as_array()
            .and_then(|list| list.iter().map(|entry| entry.as_table().map(section)).collect());
        tables.ok_or_else(|| self.bad(key, value, format_args!("a list of sections, [[{name}]]")))
    }

    /// A whole number within `range`, if the key is there.
    pub fn optional_integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            self.bad(key, value, format_args!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// A whole number within `range`.
    pub fn integer(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ScenarioError> {
        Ok(self.optional_integer(key, range)?.unwrap_or(default))
    }

    /// `false` or `true`, by what they mean; the third is what the key's absence means.
    pub fn switch<T: Copy>(
        &mut self,
        key: &'static str,
        (off, on): (T, T),
        default: T,
    ) -> Result<T, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        value
            .as_bool()
            .map(|is_on| if is_on { on } else { off })
            .ok_or_else(|| self.bad(key, value, "true or false"))
    }

    /// A list of whole numbers, if the key is there. `accept` decides about each; `allowed` says what it accepts.
    pub fn optional_integers(
        &mut self,
        key: &'static str,
        allowed: &str,
        accept: impl Fn(u64) -> bool,
    ) -> Result<Option<Vec<u64>>, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = |value: &Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
        let numbers: Option<Vec<u64>> = value.as_array().and_then(|list| list.iter().map(number).collect());
        let accepted = numbers.filter(|list| !list.is_empty() && list.iter().all(|&number| accept(number)));
        accepted.map(Some).ok_or_else(|| self.bad(key, value, allowed))
    }

    /// Refuses a key that other keys leave without a meaning.
    pub fn refuse(&mut self, key: &'static str, because: &'static str) -> Result<(), ScenarioError> {
        match self.take(key) {
            None => Ok(()),
            Some(_) => Err(ScenarioError::Meaningless { what: format!("{}.{key}", self.name), because }),
        }
    }

    /// Some text, if the key is there.
    pub fn optional_text(&mut self, key: &'static str) -> Result<Option<String>, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_str() {
            Some(text) if !text.is_empty() => Ok(Some(text.to_owned())),
            _ => Err(self.bad(key, value, "a text in quotes, not empty")),
        }
    }

    /// Some text or rows of numbers, if the key is there; `allowed` says of what.
    pub fn text_or_rows<const COLUMNS: usize>(
        &mut self,
        key: &'static str,
        allowed: &str,
    ) -> Result<Option<TextOrRows<COLUMNS>>, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let text = || value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let rows = || value.as_array()?.iter().map(numbers).collect::<Option<Vec<_>>>();
        let given = text().map(TextOrRows::Text);
        let given = given.or_else(|| rows().filter(|rows| !rows.is_empty()).map(TextOrRows::Rows));
        given.map(Some).ok_or_else(|| self.bad(key, value, allowed))
    }

    /// Some text that `parse` understands.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        default: T,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        value.as_str().and_then(parse).ok_or_else(|| self.bad(key, value, allowed))
    }

    /// One of the named choices; the first is the default.
    pub fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<T, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(choices[0].1) };
        let chosen = choices.iter().find(|(name, _)| value.as_str() == Some(name));
        chosen.map(|&(_, choice)| choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.bad(key, value, names.join(", "))
        })
    }

    /// A value that its type reads from text; `names` says what it knows.
    pub fn named<T: FromStr>(
        &mut self,
        key: &'static str,
        default: T,
        names: &'static str,
    ) -> Result<T, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        let named = value.as_str().and_then(|name| name.parse().ok());
        named.ok_or_else(|| self.bad(key, value, names))
    }

    /// A choice by name, or a whole number within `range`.
    pub fn choice_or_integer<T>(
        &mut self,
        key: &'static str,
        (name, choice): (&'static str, T),
        range: RangeInclusive<u8>,
        number: impl Fn(u8) -> T,
    ) -> Result<T, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(choice) };
        if value.as_str() == Some(name) {
            return Ok(choice);
        }
        let index = value.as_integer().and_then(|index| u8::try_from(index).ok());
        index.filter(|index| range.contains(index)).map(number).ok_or_else(|| {
            self.bad(
                key,
                value,
                format_args!("\"{name}\", or a number from {} to {}", range.start(), range.end()),
            )
        })
    }

    /// One of a few whole numbers, which `allowed` lists.
    pub fn one_of(
        &mut self,
        key: &'static str,
        default: u64,
        numbers: &[u64],
        allowed: &str,
    ) -> Result<u64, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        number.filter(|number| numbers.contains(number)).ok_or_else(|| self.bad(key, value, allowed))
    }

    /// Some of the named choices, each once and at least one, in the order of `choices`; all of them when the key is
    /// not there.
    pub fn some_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Vec<T>, ScenarioError> {
        let Some(value) = self.take(key) else { return Ok(choices.iter().map(|choice| choice.1).collect()) };
        let given: Vec<_> = value.as_array().into_iter().flatten().map(Value::as_str).collect();
        let is_chosen = |name: &str| given.contains(&Some(name));
        let chosen: Vec<T> =
            choices.iter().filter(|(name, _)| is_chosen(name)).map(|&(_, choice)| choice).collect();
        // A name that is unknown, or given twice, makes more names than choices.
        if chosen.is_empty() || chosen.len() != given.len() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let allowed = format!("a list of different ones of {}, at least one", names.join(", "));
            return Err(self.bad(key, value, allowed));
        }
        Ok(chosen)
    }

    /// Refuses every key that nobody asked for.
    pub fn finish(self) -> Result<(), ScenarioError> {
        let unknown =
            self.table.into_iter().flat_map(Table::keys).find(|key| !self.known.contains(&key.as_str()));
        match unknown {
            None => Ok(()),
            Some(key) => Err(ScenarioError::UnknownKey {
                key: format!("{}.{key}", self.name),
                allowed: self.known.join(", "),
            }),
        }
    }
}

/// A list of so many numbers.
fn numbers<const COLUMNS: usize>(row: &Value) -> Option<[f64; COLUMNS]> {
    let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    row.as_array()?.iter().map(number).collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn bad(section: &str, key: Option<&str>, value: &Value, allowed: impl Display) -> ScenarioError {
    let key = key.map_or_else(|| section.to_owned(), |key| format!("{section}.{key}"));
    ScenarioError::BadValue { key, value: value.to_string(), allowed: allowed.to_string() }
}
