//! Flags in a YAML file, with profiles.

use std::path::Path;

use keras_core::{Error, Result};
use serde_json::{Map, Value};

/// The flags of a profile. When each entry of a file is a map it holds profiles: `default`, and others that replace
/// some of it or of the profile that they name by `inherits`. Otherwise it holds the flags themselves.
pub(super) fn read(path: &Path, profile: &str) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "cannot read the flags", e))?;
    let all = match text.trim().is_empty() {
        true => Value::Null,
        false => serde_saphyr::from_str(&text).map_err(|e| Error::file(path, format!("no YAML: {e}")))?,
    };
    let all = match all {
        Value::Object(all) => all,
        Value::Null => Map::new(),
        _ => return Err(Error::file(path, "expected `name: value` lines")),
    };
    if all.is_empty() || !all.values().all(Value::is_object) {
        return Ok(all);
    }
    // As in R's config, a profile that is not there means the default.
    let name = if all.contains_key(profile) {
        profile
    } else {
        "default"
    };
    let mut chain = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(name) = next {
        if chain.contains(&name) {
            chain.push(name);
            return Err(Error::file(
                path,
                format!("profiles inherit in a circle: {}", chain.join(" → ")),
            ));
        }
        let Some(Value::Object(values)) = all.get(&name) else {
            if name == "default" {
                break;
            }
            let known = all.keys().cloned().collect();
            return Err(Error::unknown("profile", &name, known).context(path.display()));
        };
        next = match values.get("inherits") {
            Some(Value::String(parent)) => Some(parent.clone()),
            Some(other) => {
                let message = format!("profile `{name}`: inherits must be a profile's name, got {other}");
                return Err(Error::file(path, message));
            }
            None if name != "default" => Some("default".to_owned()),
            None => None,
        };
        chain.push(name);
    }
    let mut flags = Map::new();
    for name in chain.iter().rev() {
        for (flag, value) in all[name.as_str()].as_object().into_iter().flatten() {
            if flag != "inherits" {
                flags.insert(flag.clone(), value.clone());
            }
        }
    }
    Ok(flags)
}
