//! Go source as the little of it that matters: declarations, expressions, and statements of functions.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use tree_sitter::{Node, Parser};

/// A Go file.
#[derive(Debug)]
pub struct File {
    /// Where it stands in its repository.
    pub path: String,
    /// The name of its package.
    pub package: String,
    /// Imported packages: the name they go by here, if the file gives one, and their path.
    pub imports: Vec<(Option<String>, String)>,
    /// Variables, constants and functions at its top; a method is `Type.method`.
    pub declared: BTreeMap<String, Rc<Expr>>,
    /// What runs at start.
    pub inits: Vec<Rc<Func>>,
}

/// A function.
#[derive(Debug)]
pub struct Func {
    pub params: Vec<String>,
    pub is_variadic: bool,
    /// Named results.
    pub results: Vec<String>,
    pub body: Vec<Stmt>,
}

/// A type as far as it tells what a literal is.
#[derive(Debug, Clone)]
pub enum Type {
    /// The package's name here, and the type's.
    Named(Option<String>, String),
    List(Box<Type>),
    Map(Box<Type>),
    Other,
}

/// An expression.
#[derive(Debug)]
pub enum Expr {
    Name(String),
    Text(String),
    Number(i64),
    Field(Box<Expr>, String),
    /// The last argument is spread where the flag is set.
    Call {
        callee: Box<Expr>,
        args: Vec<Expr>,
        spread: bool,
    },
    /// `T{…}`; inner literals may leave out their type.
    Literal {
        of: Option<Type>,
        items: Vec<(Option<Expr>, Expr)>,
        line: usize,
    },
    Func(Rc<Func>),
    Unary(String, Box<Expr>),
    Binary(Box<Expr>, String, Box<Expr>),
    Index(Box<Expr>, Box<Expr>),
    /// `x.(T)`, with `T` as written.
    Assert(Box<Expr>, String),
    Other,
}

/// A statement.
#[derive(Debug)]
pub enum Stmt {
    /// `:=` and `var` define their names; `=` does not.
    Assign {
        to: Vec<Expr>,
        from: Vec<Expr>,
        defines: bool,
    },
    If {
        first: Option<Box<Stmt>>,
        condition: Expr,
        then: Vec<Stmt>,
        otherwise: Vec<Stmt>,
    },
    /// A loop; over what, where that is given, with the names of key and value.
    Loop {
        names: Vec<Expr>,
        over: Option<Expr>,
        body: Vec<Stmt>,
    },
    /// Its cases have several values; the default has none.
    Switch {
        first: Option<Box<Stmt>>,
        on: Option<Expr>,
        cases: Vec<(Vec<Expr>, Vec<Stmt>)>,
    },
    Return(Vec<Expr>),
    Expr(Expr),
    Block(Vec<Stmt>),
    /// Several that stand as one.
    Group(Vec<Stmt>),
    Other,
}

/// Reads a file.
pub fn parse(path: &str, text: &str) -> Result<File> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_go::LANGUAGE.into())?;
    let tree = parser.parse(text, None).context("the parser gave up")?;
    let reader = Reader { text };
    let mut file = File {
        path: path.to_owned(),
        package: String::new(),
        imports: Vec::new(),
        declared: BTreeMap::new(),
        inits: Vec::new(),
    };
    for node in children(tree.root_node()) {
        reader.declaration(node, &mut file);
    }
    Ok(file)
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

fn descendants<'t>(node: Node<'t>, kind: &str) -> Vec<Node<'t>> {
    children(node)
        .into_iter()
        .flat_map(|child| if child.kind() == kind { vec![child] } else { descendants(child, kind) })
        .collect()
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn of(&self, node: Node<'_>) -> String {
        self.text[node.byte_range()].to_owned()
    }

    fn declaration(&self, node: Node<'_>, file: &mut File) {
        match node.kind() {
            "package_clause" => {
                file.package = children(node).first().map(|name| self.of(*name)).unwrap_or_default();
            }
            "import_declaration" => {
                for spec in descendants(node, "import_spec") {
                    let path = spec.child_by_field_name("path").map(|path| self.of(path));
                    let name = spec.child_by_field_name("name").map(|name| self.of(name));
                    file.imports.push((name, path.unwrap_or_default().trim_matches('"').to_owned()));
                }
            }
            "var_declaration" | "const_declaration" => {
                for (names, values) in self.specs(node) {
                    for (name, value) in names.into_iter().zip(values) {
                        file.declared.insert(name, Rc::new(value));
                    }
                }
            }
            "function_declaration" | "method_declaration" => {
                let name = node.child_by_field_name("name").map(|name| self.of(name)).unwrap_or_default();
                let func = Rc::new(self.func(node));
                let receiver = node.child_by_field_name("receiver");
                match receiver.map(|receiver| descendants(receiver, "type_identifier")) {
                    Some(types) => {
                        let of = types.first().map(|of| self.of(*of)).unwrap_or_default();
                        file.declared.insert(format!("{of}.{name}"), Rc::new(Expr::Func(func)));
                    }
                    None if name == "init" => file.inits.push(func),
                    None => {
                        file.declared.insert(name, Rc::new(Expr::Func(func)));
                    }
                }
            }
            _ => {}
        }
    }

    /// The names and values of `var` and `const`.
    fn specs(&self, node: Node<'_>) -> Vec<(Vec<String>, Vec<Expr>)> {
        let kind = if node.kind() == "var_declaration" { "var_spec" } else { "const_spec" };
        let specs = descendants(node, kind).into_iter().map(|spec| {
            let mut cursor = spec.walk();
            let names = spec.children_by_field_name("name", &mut cursor);
            let names = names.filter(|name| name.is_named()).map(|name| self.of(name)).collect();
            let of = spec.child_by_field_name("type").map(|of| of.kind());
            let values = match spec.child_by_field_name("value") {
                Some(values) => self.list(values),
                None if of == Some("pointer_type") => vec![Expr::Name("nil".to_owned())],
                None => Vec::new(),
            };
            (names, values)
        });
        specs.collect()
    }

    fn func(&self, node: Node<'_>) -> Func {
        let names = |field| -> Vec<String> {
            let list = node.child_by_field_name(field).filter(|list| list.kind() == "parameter_list");
            let list = list.map(children).unwrap_or_default().into_iter();
            let names = list.flat_map(|param| {
                let mut cursor = param.walk();
                let names: Vec<_> = param.children_by_field_name("name", &mut cursor).collect();
                names.into_iter().filter(|name| name.is_named()).map(|name| self.of(name)).collect::<Vec<_>>()
            });
            names.collect()
        };
        let params = node.child_by_field_name("parameters");
        Func {
            params: names("parameters"),
            is_variadic: params
                .is_some_and(|list| !descendants(list, "variadic_parameter_declaration").is_empty()),
            results: names("result"),
            body: node.child_by_field_name("body").map(|body| self.block(body)).unwrap_or_default(),
        }
    }

    fn list(&self, node: Node<'_>) -> Vec<Expr> {
        if node.kind() == "expression_list" {
            return children(node).into_iter().map(|child| self.expr(child)).collect();
        }
        vec![self.expr(node)]
    }

    fn field(&self, node: Node<'_>, name: &str) -> Box<Expr> {
        Box::new(node.child_by_field_name(name).map_or(Expr::Other, |child| self.expr(child)))
    }

    fn word(&self, node: Node<'_>, name: &str) -> String {
        node.child_by_field_name(name).map(|child| self.of(child)).unwrap_or_default()
    }

    fn expr(&self, node: Node<'_>) -> Expr {
        match node.kind() {
            "identifier" | "true" | "false" | "nil" => Expr::Name(self.of(node)),
            "interpreted_string_literal" => Expr::Text(unquote(&self.of(node))),
            "raw_string_literal" => Expr::Text(self.of(node).trim_matches('`').to_owned()),
            "int_literal" => self.of(node).replace('_', "").parse().map_or(Expr::Other, Expr::Number),
            "selector_expression" => Expr::Field(self.field(node, "operand"), self.word(node, "field")),
            "parenthesized_expression" | "literal_element" => {
                children(node).first().map_or(Expr::Other, |inner| self.expr(*inner))
            }
            "call_expression" => self.call(node),
            // A conversion keeps what it converts.
            "type_conversion_expression" => *self.field(node, "operand"),
            "composite_literal" => {
                let of = node.child_by_field_name("type").map(|of| self.type_of(of));
                match node.child_by_field_name("body") {
                    Some(body) => self.literal(of, body),
                    None => Expr::Other,
                }
            }
            "literal_value" => self.literal(None, node),
            "func_literal" => Expr::Func(Rc::new(self.func(node))),
            "unary_expression" => Expr::Unary(self.word(node, "operator"), self.field(node, "operand")),
            "binary_expression" => {
                let operator = self.word(node, "operator");
                Expr::Binary(self.field(node, "left"), operator, self.field(node, "right"))
            }
            "index_expression" => Expr::Index(self.field(node, "operand"), self.field(node, "index")),
            "type_assertion_expression" => Expr::Assert(self.field(node, "operand"), self.word(node, "type")),
            _ => Expr::Other,
        }
    }

    fn call(&self, node: Node<'_>) -> Expr {
        let nodes = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let spread = nodes.last().is_some_and(|last| last.kind() == "variadic_argument");
        let args = nodes.into_iter().map(|arg| match arg.kind() {
            "variadic_argument" => children(arg).first().map_or(Expr::Other, |inner| self.expr(*inner)),
            // `make(map[…]…)` gives an empty one.
            "map_type" | "slice_type" => {
                let line = arg.start_position().row + 1;
                Expr::Literal { of: Some(self.type_of(arg)), items: Vec::new(), line }
            }
            _ => self.expr(arg),
        });
        let args = args.collect();
        Expr::Call { callee: self.field(node, "function"), args, spread }
    }

    fn literal(&self, of: Option<Type>, body: Node<'_>) -> Expr {
        let items = children(body).into_iter().map(|item| match item.kind() {
            "keyed_element" => {
                let parts = children(item);
                let key = parts.first().map(|key| self.expr(*key));
                (key, parts.get(1).map_or(Expr::Other, |value| self.expr(*value)))
            }
            _ => (None, self.expr(item)),
        });
        let items = items.collect();
        Expr::Literal { of, items, line: body.start_position().row + 1 }
    }

    fn type_of(&self, node: Node<'_>) -> Type {
        let inner = |field| node.child_by_field_name(field).map_or(Type::Other, |inner| self.type_of(inner));
        match node.kind() {
            "type_identifier" => Type::Named(None, self.of(node)),
            "qualified_type" => Type::Named(Some(self.word(node, "package")), self.word(node, "name")),
            "pointer_type" => children(node).first().map_or(Type::Other, |inner| self.type_of(*inner)),
            "generic_type" => inner("type"),
            "slice_type" | "array_type" | "implicit_length_array_type" => {
                Type::List(Box::new(inner("element")))
            }
            "map_type" => Type::Map(Box::new(inner("value"))),
            _ => Type::Other,
        }
    }

    fn block(&self, node: Node<'_>) -> Vec<Stmt> {
        let inner = children(node)
            .into_iter()
            .flat_map(|child| if child.kind() == "statement_list" { children(child) } else { vec![child] });
        inner.map(|child| self.stmt(child)).collect()
    }

    fn stmt(&self, node: Node<'_>) -> Stmt {
        let list = |field| node.child_by_field_name(field).map(|list| self.list(list)).unwrap_or_default();
        let block = |field| node.child_by_field_name(field).map(|body| self.block(body)).unwrap_or_default();
        let first = || node.child_by_field_name("initializer").map(|first| Box::new(self.stmt(first)));
        match node.kind() {
            "short_var_declaration" => Stmt::Assign { to: list("left"), from: list("right"), defines: true },
            "assignment_statement" => {
                // What `+=` gives is not worked out.
                let is_plain = self.word(node, "operator") == "=";
                let from = if is_plain { list("right") } else { vec![Expr::Other] };
                Stmt::Assign { to: list("left"), from, defines: false }
            }
            "inc_statement" | "dec_statement" => {
                let to = children(node).into_iter().map(|child| self.expr(child)).collect();
                Stmt::Assign { to, from: vec![Expr::Other], defines: false }
            }
            "labeled_statement" => children(node).last().map_or(Stmt::Other, |inner| self.stmt(*inner)),
            "var_declaration" | "const_declaration" => {
                let specs = self.specs(node).into_iter();
                let specs = specs.map(|(names, from)| {
                    let to = names.into_iter().map(Expr::Name).collect();
                    Stmt::Assign { to, from, defines: true }
                });
                Stmt::Group(specs.collect())
            }
            "if_statement" => Stmt::If {
                first: first(),
                condition: *self.field(node, "condition"),
                then: block("consequence"),
                otherwise: match node.child_by_field_name("alternative") {
                    Some(other) if other.kind() == "if_statement" => vec![self.stmt(other)],
                    Some(other) => self.block(other),
                    None => Vec::new(),
                },
            },
            "for_statement" => {
                let range = children(node).into_iter().find(|child| child.kind() == "range_clause");
                let part = |field| range.and_then(|range| range.child_by_field_name(field));
                Stmt::Loop {
                    names: part("left").map(|names| self.list(names)).unwrap_or_default(),
                    over: part("right").map(|over| self.expr(over)),
                    body: block("body"),
                }
            }
            "type_switch_statement" | "select_statement" => {
                Stmt::Switch { first: None, on: Some(Expr::Other), cases: self.cases(node) }
            }
            "expression_switch_statement" => Stmt::Switch {
                first: first(),
                on: node.child_by_field_name("value").map(|on| self.expr(on)),
                cases: self.cases(node),
            },
            "return_statement" => {
                Stmt::Return(children(node).first().map(|list| self.list(*list)).unwrap_or_default())
            }
            "expression_statement" => {
                Stmt::Expr(children(node).first().map_or(Expr::Other, |inner| self.expr(*inner)))
            }
            "block" => Stmt::Block(self.block(node)),
            _ => Stmt::Other,
        }
    }

    fn cases(&self, node: Node<'_>) -> Vec<(Vec<Expr>, Vec<Stmt>)> {
        let cases = children(node).into_iter().filter(|child| child.kind().ends_with("_case"));
        let cases = cases.map(|case| {
            let value = case.child_by_field_name("value");
            let body = children(case).into_iter().filter(|child| Some(*child) != value).flat_map(|child| {
                if child.kind() == "statement_list" { children(child) } else { vec![child] }
            });
            let body = body.map(|child| self.stmt(child)).collect();
            let values = match (value, case.kind()) {
                (Some(values), _) => self.list(values),
                (None, "default_case") => Vec::new(),
                (None, _) => vec![Expr::Other],
            };
            (values, body)
        });
        cases.collect()
    }
}

/// The text of `"…"`. Names hold no escapes; what usage texts hold is of no interest.
fn unquote(quoted: &str) -> String {
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(quoted).replace("\\\"", "\"")
}
