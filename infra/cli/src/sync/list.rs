//! A list of people in a file. It is read twice: once to find what is wrong with it before anything is sent, then part by part.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use passerelle_core::domain::event::{Event, PERSON_UPSERTED, hex, read_events};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// How many people are sent at a time: as many as one call can write.
const SLICE: usize = 1_000;
/// The most faults that are told.
const FAULTS: usize = 20;

/// A list whose every row can be read.
pub struct List {
    path: PathBuf,
    /// How many people it has.
    pub len: u64,
    stamp: Stamp,
}

/// What makes the events of a list: the same file gives the same ones.
struct Stamp {
    /// Which file, by its content and time.
    file: String,
    /// When it was written; its people were like that then, where a row does not say otherwise.
    at: Timestamp,
}

impl List {
    /// Reads a file through. Every fault is told with its line, and nothing has been sent.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = File::open(path).with_context(|| format!("{} cannot be read.", path.display()))?;
        let at = Timestamp::try_from(file.metadata()?.modified()?)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(buffer.get(..read).unwrap_or_default());
        }
        hash.update(at.to_string());
        file.rewind()?;
        let id: String = hex(&hash.finalize()).chars().take(24).collect();
        let mut list = Self { path: path.to_owned(), len: 0, stamp: Stamp { file: id, at } };
        let (mut len, mut faults, mut more) = (0, Vec::new(), 0_usize);
        for row in list.rows()? {
            match row {
                Ok(_) => len += 1,
                Err(fault) if faults.len() < FAULTS => faults.push(format!("  {fault:#}")),
                Err(_) => more += 1,
            }
        }
        if more > 0 {
            faults.push(format!("  and {more} more"));
        }
        if !faults.is_empty() {
            bail!("{} cannot be used, and nothing was sent.\n{}", path.display(), faults.join("\n"));
        }
        if len == 0 {
            bail!("{} has no people.", path.display());
        }
        list.len = len;
        Ok(list)
    }

    /// Its people, a thousand at a time.
    pub fn slices(&self) -> Result<impl Iterator<Item = Result<Vec<Event>>>> {
        let mut rows = self.rows()?;
        Ok(std::iter::from_fn(move || {
            let slice: Result<Vec<Event>> = rows.by_ref().take(SLICE).collect();
            Some(slice).filter(|slice| slice.as_ref().map_or(true, |events| !events.is_empty()))
        }))
    }

    fn rows(&self) -> Result<Box<dyn Iterator<Item = Result<Event>> + '_>> {
        let file = File::open(&self.path).with_context(|| format!("{} cannot be read.", self.path.display()))?;
        let is_csv = self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        Ok(if is_csv { Box::new(self.csv(file)?) } else { Box::new(self.jsonl(file)) })
    }

    fn csv(&self, file: File) -> Result<impl Iterator<Item = Result<Event>>> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let names = reader.headers().context("The first line must name the attributes.")?.clone();
        Ok(reader.into_records().enumerate().map(move |(i, row)| {
            // The line of the names is the first.
            let line = i + 2;
            let row = row.with_context(|| format!("line {line}"))?;
            let mut person = Map::new();
            for (name, value) in names.iter().zip(&row) {
                insert(&mut person, name.strip_prefix("person.").unwrap_or(name), value);
            }
            self.event(line, json!({"person": person}))
        }))
    }

    fn jsonl(&self, file: File) -> impl Iterator<Item = Result<Event>> {
        let lines = BufReader::new(file).lines().enumerate().filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
        lines.map(move |(i, line)| {
            let line_no = i + 1;
            let line = line.with_context(|| format!("line {line_no}"))?;
            let row: Value = serde_json::from_str(&line).with_context(|| format!("line {line_no} is no JSON"))?;
            let row = if row.get("person").is_some_and(Value::is_object) { row } else { json!({"person": row}) };
            self.event(line_no, row)
        })
    }

    fn event(&self, line: usize, mut row: Value) -> Result<Event> {
        if let Some(members) = row.as_object_mut() {
            if let Some(name) = ["id", "type"].into_iter().find(|name| members.contains_key(*name)) {
                bail!("line {line}: {name}: This is not a part of what a person is like; put attributes into person.");
            }
            members.insert("id".to_owned(), format!("file:{}:{line}", self.stamp.file).into());
            members.insert("type".to_owned(), PERSON_UPSERTED.into());
            members.entry("occurred_at").or_insert_with(|| self.stamp.at.to_string().into());
        }
        match read_events(row) {
            Ok(events) => events.into_iter().next().with_context(|| format!("line {line} has nobody")),
            Err(faults) => {
                let faults: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.place, fault.message)).collect();
                bail!("line {line}: {}", faults.join("; "))
            }
        }
    }
}

/// Puts a value at a dotted name.
fn insert(into: &mut Map<String, Value>, name: &str, value: &str) {
    match name.split_once('.') {
        None => _ = into.insert(name.to_owned(), value.into()),
        Some((first, rest)) => {
            let inner = into.entry(first).or_insert_with(|| Map::new().into());
            if let Some(inner) = inner.as_object_mut() {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn list(name: &str, text: &str) -> (tempfile::TempDir, Result<List>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let list = List::read(&path);
        (folder, list)
    }

    fn events(list: &List) -> Vec<Event> {
        list.slices().unwrap().flat_map(|slice| slice.unwrap()).collect()
    }

    #[test]
    fn both_forms_give_people() {
        let (_kept, csv) = list("people.csv", "id,email,address.city\np1,ada@example.org,Lyon\np2,\"b@example.org\",\n");
        let (_too, jsonl) = list(
            "people.jsonl",
            "{\"id\":\"p1\",\"email\":\"ada@example.org\"}\n\n{\"person\":{\"id\":\"p2\"},\"occurred_at\":\"2026-01-01T00:00:00Z\",\"project\":{\"id\":\"s\"}}\n",
        );
        let (csv, jsonl) = (csv.unwrap(), jsonl.unwrap());
        assert_eq!((csv.len, jsonl.len), (2, 2));
        let (of_csv, of_jsonl) = (events(&csv), events(&jsonl));
        assert_eq!(of_csv[0].person["address"]["city"], "Lyon");
        assert_eq!((of_jsonl[0].person["id"].as_str(), of_jsonl[1].occurred_at.to_string()), (Some("p1"), "2026-01-01T00:00:00Z".to_owned()));
        assert_eq!(of_jsonl[1].project.as_ref().unwrap().id.as_str(), "s");
        // The same file gives the same events.
        assert_eq!(of_csv, events(&csv));
        assert_ne!(of_csv[0].id, of_csv[1].id);
    }

    #[test]
    fn every_fault_is_told_with_its_line_before_anything_is_sent() {
        for (name, text, parts) in [
            ("a.jsonl", "{\"id\":\"p1\"}\n{\"name\":\"x\"}\nnope\n", vec!["line 2: person", "line 3 is no JSON", "nothing was sent"]),
            ("a.csv", "email\na@b.fr\n\"\"\n", vec!["line 3: person"]),
            ("a.csv", "id,email\np1\n", vec!["line 2"]),
            ("a.jsonl", "\n", vec!["has no people"]),
            ("a.jsonl", "{\"id\":\"e\",\"person\":{\"id\":\"p\"}}\n", vec!["line 1: id"]),
        ] {
            let (_kept, list) = list(name, text);
            let error = format!("{:#}", list.err().unwrap());
            parts.iter().for_each(|part| assert!(error.contains(part), "{error}"));
        }
    }
}
