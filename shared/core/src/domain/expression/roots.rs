//! The variables that an expression names, those aside that it makes itself in `exists`, `map` and the like.

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};

/// Names of types, which CEL knows without being told.
const TYPES: [&str; 11] = ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"];

/// A name that stands for nothing.
pub(super) struct Stranger<'e> {
    pub name: &'e str,
    /// The expression's id, by which its position is found.
    pub id: u64,
}

/// The first name that is neither known nor made by the expression itself.
pub(super) fn unknown<'e>(expression: &'e IdedExpr, known: &[&'e str]) -> Option<Stranger<'e>> {
    match &expression.expr {
        // Names with an @ are the parser's own.
        Expr::Ident(name) if name.starts_with('@') || known.contains(&name.as_str()) || TYPES.contains(&name.as_str()) => None,
        Expr::Ident(name) => Some(Stranger { name, id: expression.id }),
        Expr::Select(select) => unknown(&select.operand, known),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).find_map(|part| unknown(part, known)),
        Expr::List(list) => list.elements.iter().find_map(|part| unknown(part, known)),
        Expr::Map(map) => map.entries.iter().find_map(|entry| in_entry(entry, known)),
        Expr::Struct(made) => made.entries.iter().find_map(|entry| in_entry(entry, known)),
        Expr::Comprehension(over) => {
            let own = [Some(over.iter_var.as_str()), over.iter_var2.as_deref(), Some(over.accu_var.as_str())];
            let inner: Vec<&str> = known.iter().copied().chain(own.into_iter().flatten()).collect();
            let outside = [&over.iter_range, &over.accu_init].into_iter().find_map(|part| unknown(part, known));
            outside.or_else(|| [&over.loop_cond, &over.loop_step, &over.result].into_iter().find_map(|part| unknown(part, &inner)))
        }
        Expr::Literal(_) | Expr::Unspecified => None,
    }
}

fn in_entry<'e>(entry: &'e IdedEntryExpr, known: &[&'e str]) -> Option<Stranger<'e>> {
    match &entry.expr {
        EntryExpr::StructField(field) => unknown(&field.value, known),
        EntryExpr::MapEntry(entry) => unknown(&entry.key, known).or_else(|| unknown(&entry.value, known)),
    }
}

/// Line and column, from 1, of a byte of the source.
pub(super) fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::domain::expression::Expression;

    const KNOWN: [&str; 3] = ["event", "person", "data"];

    #[test]
    fn what_an_expression_makes_itself_is_no_stranger() {
        for source in [
            "person.name == 'a' && has(data.pages)",
            "data.pages.exists(page, page.seconds > 10)",
            "data.pages.map(p, p.seconds).filter(s, s > data.least) == [1]",
            "data.a.all(x, data.b.exists(y, x == y))",
            "{'a': person.age}[data.key] in [event.id]",
            "type(person.age) == int",
            "size(data.pages) > 1 ? string(1) : person.name",
            "'body'.startsWith('b')",
        ] {
            assert_eq!(Expression::compile(source, &KNOWN).err(), None, "{source}");
        }
    }

    #[test]
    fn a_name_that_nothing_has_is_refused_with_its_place() {
        for (source, want) in [
            ("perosn.name == 'a'", "<input>:1:1: nothing is called perosn; did you mean person? An expression here sees event, person, data."),
            ("true &&\n  dta.x > 1", "<input>:2:3: nothing is called dta; did you mean data?"),
            ("'é' == customer.id", "<input>:1:8: nothing is called customer. An expression here sees event, person, data."),
            ("data.a.exists(x, y == 1)", "<input>:1:18: nothing is called y."),
            ("x == data.a.map(x, x)[0]", "<input>:1:1: nothing is called x."),
            ("[1, lead][0]", "nothing is called lead."),
            ("{'a': lead}", "nothing is called lead."),
            ("has(lead.id)", "nothing is called lead."),
            ("lead.startsWith('a')", "nothing is called lead."),
        ] {
            let error = Expression::compile(source, &KNOWN).unwrap_err().to_string();
            assert!(error.contains(want), "{source}: {error}");
        }
    }
}
