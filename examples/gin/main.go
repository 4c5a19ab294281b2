// Package main is to come.
package main

import _ "github.com/gin-gonic/gin"

func main() {}
