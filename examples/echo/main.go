// Package main is to come.
package main

import _ "github.com/labstack/echo/v5"

func main() {}
