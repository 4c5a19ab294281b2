package main

import _ "github.com/labstack/echo/v5/middleware"
