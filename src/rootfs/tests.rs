mod cost;
mod demo;
mod fixture;
mod layer;
mod lazy;
mod million;
mod model;
mod paths;
