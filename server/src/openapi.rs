//! `GET /openapi.json`: the interface, as OpenAPI 3.1 has it.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::cutout::{DTYPE, OFFSET, SHAPE};
use crate::mime::VALUES;

/// The document. What it says of limits and tokens is what this server has.
pub(crate) async fn document(State(app): State<App>) -> Json<Value> {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "bigarrays",
            "description": "Volumes of any store: neuroglancer precomputed, and boxes of voxels.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" }
        },
        "servers": [{ "url": "/" }],
        "paths": {
            "/{name}/{key}": value(&app),
            "/v1/{name}/cutout": cutout(&app),
            "/v1/volumes": {
                "get": {
                    "operationId": "volumes",
                    "summary": "What is served.",
                    "responses": {
                        "200": answer("Names and volumes.", "application/json", &volumes()),
                        "502": fault("A store failed."),
                        "503": fault("A store cannot be asked at the moment.")
                    }
                }
            },
            "/v1/config": {
                "get": {
                    "operationId": "config",
                    "summary": "What the viewer is to know of the server.",
                    "responses": {
                        "200": answer("Where neuroglancer is.", "application/json", &json!({
                            "type": "object",
                            "required": ["neuroglancer", "pyramid"],
                            "properties": {
                                "neuroglancer": { "type": "string" },
                                "pyramid": { "type": "boolean" }
                            }
                        }))
                    }
                }
            },
            "/health": { "get": {
                "operationId": "health",
                "summary": "Whether the server lives. Needs no token.",
                "security": [],
                "responses": { "200": answer("It does.", "text/plain", &json!({ "type": "string" })) }
            } },
            "/metrics": { "get": {
                "operationId": "metrics",
                "summary": "Counts, in Prometheus' text format.",
                "responses": { "200": answer("Counts.", "text/plain", &json!({ "type": "string" })) }
            } },
            "/openapi.json": { "get": {
                "operationId": "openapi",
                "summary": "This document.",
                "responses": {
                    "200": answer("It.", "application/json", &json!({ "type": "object" }))
                }
            } }
        },
        "components": { "schemas": { "Fault": {
            "type": "object",
            "required": ["error"],
            "properties": { "error": { "type": "string" } }
        } } }
    });
    if app.options.tokens.is_some() {
        document["components"]["securitySchemes"] = json!({
            "bearer": { "type": "http", "scheme": "bearer" },
            "password": { "type": "http", "scheme": "basic", "description": "The token is the password." }
        });
        document["security"] = json!([{ "bearer": [] }, { "password": [] }]);
    }
    Json(document)
}

/// Two ends, of which each may be left out, of each axis.
const BOX: &str = r"^(-?[0-9]{1,18})?:(-?[0-9]{1,18})?(,(-?[0-9]{1,18})?:(-?[0-9]{1,18})?){2}$";

/// A name that is served, to be tried.
fn name(app: &App, what: &str) -> Value {
    let mut name = parameter("name", "path", true, what);
    if let Some(served) = app.shelf.all().next() {
        name["example"] = json!(served.name());
    }
    name
}

fn value(app: &App) -> Value {
    let headers = json!({
        "ETag": { "schema": { "type": "string" } },
        "Content-Encoding": { "schema": { "type": "string" } }
    });
    let content: Map<String, Value> =
        VALUES.iter().map(|mime| ((*mime).to_owned(), json!({}))).collect();
    let said = |what: &str| json!({ "description": what, "headers": headers, "content": content });
    let (whole, part) = (said("The value."), said("A part of it."));
    let parameters = json!([
        name(
            app,
            "What is served, as /v1/volumes lists it; behind it may stand @unsharded, or @pyramid."
        ),
        tried(
            parameter("key", "path", true, "The key of a stored value; slashes stand as they are."),
            "info"
        ),
        parameter("Range", "header", false, "One range of bytes."),
        parameter("If-None-Match", "header", false, "The ETag of what the asker has.")
    ]);
    let responses = json!({
        "200": whole,
        "206": part,
        "304": { "description": "The asker has it." },
        "404": fault("It is not stored, or no value has such a name."),
        "406": fault("It is compressed, too long without, and the asker takes it only so."),
        "416": { "description": "It has no such bytes." },
        "500": fault("What is stored is damaged."),
        "502": fault("The store failed."),
        "503": fault("The store cannot be asked at the moment.")
    });
    let operation = |id: &str, summary: &str| json!({ "operationId": id, "summary": summary, "responses": responses });
    json!({
        "parameters": parameters,
        "get": operation("get", "A stored value: info, a chunk, a shard, a mesh."),
        "head": operation("head", "The same without its bytes.")
    })
}

fn cutout(app: &App) -> Value {
    let limit = app.options.limits.cutout;
    let mut of_box = parameter(
        "box",
        "query",
        false,
        "x0:x1,y0:y1,z0:z1 in voxels, half-open; an end may be left out. Outside the volume are zeros.",
    );
    of_box["schema"]["pattern"] = json!(BOX);
    let text = |what: &str| json!({ "description": what, "schema": { "type": "string" } });
    let bytes = json!({ "schema": {} });
    json!({
        "parameters": [
            name(app, "A volume, as /v1/volumes lists it."),
            tried(of_box, "0:64,0:64,0:1"),
            tried(
                parameter("scale", "query", false, "An index, a key, or a resolution x,y,z in nanometres; 0 if it is left out."),
                "0"
            ),
            {
                "name": "format", "in": "query", "required": false,
                "description": "png takes one z of uint8 or uint16; raw is little-endian, x fastest.",
                "schema": { "type": "string", "enum": ["npy", "png", "tiff", "raw"], "default": "npy" }
            }
        ],
        "get": {
            "operationId": "cutout",
            "summary": "The voxels of a box.",
            "responses": {
                "200": {
                    "description": "The voxels.",
                    "headers": {
                        SHAPE: text("x,y,z,c"),
                        DTYPE: text("The type of a voxel."),
                        OFFSET: text("The first voxel x,y,z.")
                    },
                    "content": {
                        "application/octet-stream": bytes, "image/png": bytes, "image/tiff": bytes
                    }
                },
                "400": fault("The query is not right, or the format cannot hold such voxels."),
                "404": fault("There is no such volume or scale."),
                "413": fault(&format!("The box has more than {limit} bytes of voxels.")),
                "500": fault("A chunk is damaged."),
                "501": fault("This server cannot read such a scale."),
                "502": fault("The store failed."),
                "503": fault("The store cannot be asked at the moment.")
            }
        }
    })
}

fn volumes() -> Value {
    json!({
        "type": "object",
        "required": ["names", "volumes"],
        "properties": {
            "names": { "type": "array", "items": {
                "type": "object", "properties": { "name": { "type": "string" } }
            } },
            "volumes": { "type": "array", "items": {
                "type": "object",
                "required": ["name", "path"],
                "properties": {
                    "name": { "type": "string" },
                    "path": { "type": "string" },
                    "type": { "enum": ["image", "segmentation"] },
                    "data_type": { "type": "string" },
                    "num_channels": { "type": "integer" },
                    "scales": { "type": "array", "items": { "type": "object" } },
                    "error": { "type": "string" }
                }
            } }
        }
    })
}

fn parameter(name: &str, place: &str, required: bool, what: &str) -> Value {
    json!({
        "name": name, "in": place, "required": required, "description": what,
        "schema": { "type": "string" }
    })
}

/// A parameter with a value that is worth a try.
fn tried(mut parameter: Value, example: &str) -> Value {
    parameter["example"] = json!(example);
    parameter
}

fn answer(what: &str, mime: &str, schema: &Value) -> Value {
    json!({ "description": what, "content": { mime: { "schema": schema } } })
}

fn fault(what: &str) -> Value {
    answer(what, "application/json", &json!({ "$ref": "#/components/schemas/Fault" }))
}
