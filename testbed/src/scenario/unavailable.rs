//! What scenarios may ask for in a later version. Asking now is an error: a run that ignored a key would report on
//! something else than it was asked. Delete a line here when the simulation honours it.
use super::ScenarioError;
use toml::Table;

/// Values of available keys that this version does not simulate: section, key, such values, and those it has.
const VALUES: &[(&str, &str, &[&str], &str)] = &[
    ("data", "scale", &["per-node"], "moments, schema"),
    ("contribution", "kind", &["statistics", "prototypes", "model", "mixed"], "update"),
];

/// Refuses whatever of `scenario` is planned but not available.
pub fn refuse(scenario: &Table) -> Result<(), ScenarioError> {
    let refused = |what: String, allowed| Err(ScenarioError::NotAvailable { what, allowed });
    let entry = |section: &str, key: &str| scenario.get(section).and_then(|section| section.get(key));
    for (section, key, values, allowed) in VALUES {
        if let Some(value) = entry(section, key).and_then(|value| value.as_str())
            && values.contains(&value)
        {
            return refused(format!("{section}.{key} = \"{value}\""), allowed);
        }
    }
    Ok(())
}
