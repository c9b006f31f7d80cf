//! `passerelle attributes`: what the platform knows about people now, as the section of the document that declares it.

use std::path::Path;

use anyhow::{Result, anyhow};
use passerelle_core::domain::{
    config::{ConfigFault, parse_document},
    mapping::{parse_inventory, take_over},
};
use serde_json::{Value, json};

use crate::operate;

/// Reads document and list, and prints the new section as YAML. What rules name that the platform has no more is told beside it.
pub fn run(file: &Path, list: &Path) -> Result<()> {
    let document = operate::load_document(file)?;
    let inventory = parse_inventory(&operate::read_document(list)?).map_err(|fault| anyhow!("{}: {fault}", list.display()))?;
    let attributes = take_over(&document.platform.attributes, inventory);
    println!("{}", serde_norway::to_string(&json!({"attributes": attributes}))?.trim_end());
    let mut changed: Value = serde_json::to_value(&document)?;
    if let Some(platform) = changed.get_mut("platform").and_then(Value::as_object_mut) {
        platform.insert("attributes".to_owned(), serde_json::to_value(&attributes)?);
    }
    let faults: Vec<ConfigFault> = parse_document(&changed).err().unwrap_or_default();
    if !faults.is_empty() {
        let lines = operate::list_faults(faults.iter().map(|fault| (fault.place.as_str(), fault.message.as_str())));
        eprintln!("With these attributes the document would be refused until its rules are corrected:\n{lines}");
    }
    Ok(())
}
