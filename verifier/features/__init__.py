"""Pure array functions, named as their field names them."""
