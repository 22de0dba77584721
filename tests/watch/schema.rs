//! The published schemas.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

pub struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    pub fn of(name: &str) -> Schema {
        let path = format!("{}/docs/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let mut schemas = Schemas::new();
        let index = Compiler::new().compile(&path, &mut schemas).unwrap();
        Schema { schemas, index }
    }

    pub fn check(&self, value: &Value) {
        if let Err(error) = self.schemas.validate(value, self.index) {
            panic!("{value}\n{error}");
        }
    }
}
