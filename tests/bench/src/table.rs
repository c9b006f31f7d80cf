//! Rows of figures, for people and for programs.

use std::fmt;

use serde_json::Value;

/// A table under a head of columns, the first of which holds names.
#[derive(Debug, Default)]
pub struct Table {
    head: Vec<String>,
    cells: Vec<Vec<String>>,
    /// What must be said below the table.
    pub notes: Vec<String>,
    /// The same figures for a program, under lasting names.
    pub rows: Vec<Value>,
}

impl Table {
    /// A table without rows.
    pub fn with(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds a line for people.
    pub fn line(&mut self, cells: Vec<String>) {
        self.cells.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.cells);
        let width = |column: usize| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default();
        for line in lines() {
            for (column, cell) in line.iter().enumerate() {
                let width = width(column);
                if column == 0 {
                    write!(f, "{cell:<width$}")?;
                } else {
                    write!(f, "  {cell:>width$}")?;
                }
            }
            writeln!(f)?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        Ok(())
    }
}
